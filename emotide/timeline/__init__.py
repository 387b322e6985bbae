"""A social log compiled to steps of flat, memory-mapped arrays; training reads nothing else."""

from emotide.timeline.compile import Tables, compile_timeline
from emotide.timeline.config import TimelineConfig
from emotide.timeline.events import Events, Labels
from emotide.timeline.group import Group, Guests
from emotide.timeline.modalities import by_modality
from emotide.timeline.splits import SPLITS
from emotide.timeline.timeline import FORMAT, Timeline

__all__ = [
    "FORMAT",
    "SPLITS",
    "Events",
    "Group",
    "Guests",
    "Labels",
    "Tables",
    "Timeline",
    "TimelineConfig",
    "by_modality",
    "compile_timeline",
]
