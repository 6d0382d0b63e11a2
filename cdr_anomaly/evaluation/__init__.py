"""How good the lists are: ground truth, scores, calibration, tuning, simulated cities."""
