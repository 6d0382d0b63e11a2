"""Lines that pass calls on: chains, hubs, loops, changing targets, lines that only forward."""

from cdr_anomaly.detectors.forwarding_chain.detector import ForwardingChain

__all__ = ["ForwardingChain"]
