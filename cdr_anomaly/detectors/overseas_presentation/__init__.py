"""Numbers that look foreign and are not, or that call many at home; home numbers from abroad."""

from cdr_anomaly.detectors.overseas_presentation.detector import OverseasPresentation

__all__ = ["OverseasPresentation"]
