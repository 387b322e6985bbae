"""The mathematics (paper 3.1, 3.2): generalised residual networks, the deep LSTM cell, attention over segments."""

from emotide.nn.attention import SegmentAttention
from emotide.nn.cell import DeepLSTMCell
from emotide.nn.gru import GRUCell
from emotide.nn.projection import Gathered, Part
from emotide.nn.residual import Residual
from emotide.nn.rounded import rounded
from emotide.nn.segment import segment_softmax, segment_sum
from emotide.nn.shortcuts import ShortcutPlan

__all__ = [
    "DeepLSTMCell",
    "GRUCell",
    "Gathered",
    "Part",
    "Residual",
    "SegmentAttention",
    "ShortcutPlan",
    "rounded",
    "segment_softmax",
    "segment_sum",
]
