"""Every table, one entity family a file."""

from studyapp.models.account import User
from studyapp.models.audit import AuditLine
from studyapp.models.dataset import Dataset
from studyapp.models.design import Block, Comparison, Trial
from studyapp.models.marks import StimulusHold, TrialMark
from studyapp.models.session import PlayEvent, Presentation, Rater, Response, StudySession
from studyapp.models.stimulus import Stimulus
from studyapp.models.study import Clip, Study, System, SystemPair
from studyapp.models.trust import SessionFlag, VoidedTrial

__all__ = [
    "AuditLine",
    "Block",
    "Clip",
    "Comparison",
    "Dataset",
    "PlayEvent",
    "Presentation",
    "Rater",
    "Response",
    "SessionFlag",
    "Stimulus",
    "StimulusHold",
    "Study",
    "StudySession",
    "System",
    "SystemPair",
    "Trial",
    "TrialMark",
    "User",
    "VoidedTrial",
]
