"""Every table, one entity family a file."""

from studyapp.models.account import User
from studyapp.models.admission import Break, StepTry
from studyapp.models.audit import AuditLine
from studyapp.models.dataset import Dataset
from studyapp.models.design import Block, Comparison, Trial
from studyapp.models.erasure import Erasure
from studyapp.models.marks import StimulusHold, TrialMark
from studyapp.models.recruitment import Invitation, Participant
from studyapp.models.session import PlayEvent, Presentation, Rater, Response, StudySession
from studyapp.models.stimulus import Stimulus
from studyapp.models.study import Clip, Study, System, SystemPair
from studyapp.models.trust import SessionFlag, VoidedTrial
from studyapp.models.wording import StudyText

__all__ = [
    "AuditLine",
    "Block",
    "Break",
    "Clip",
    "Comparison",
    "Dataset",
    "Erasure",
    "Invitation",
    "Participant",
    "PlayEvent",
    "Presentation",
    "Rater",
    "Response",
    "SessionFlag",
    "StepTry",
    "Stimulus",
    "StimulusHold",
    "Study",
    "StudySession",
    "StudyText",
    "System",
    "SystemPair",
    "Trial",
    "TrialMark",
    "User",
    "VoidedTrial",
]
