"""Every table, one entity family a file."""

from studyapp.models.access import ApiToken, ShareLink
from studyapp.models.account import User
from studyapp.models.admission import Break, StepTry
from studyapp.models.amendment import Amendment
from studyapp.models.audit import ABOUT_SYSTEMS, AuditLine
from studyapp.models.dataset import Dataset
from studyapp.models.design import Block, Comparison, Trial
from studyapp.models.erasure import Erasure
from studyapp.models.file_check import FileCheck
from studyapp.models.marks import StimulusHold, TrialMark
from studyapp.models.members import StudyMember
from studyapp.models.recruitment import Invitation, Participant
from studyapp.models.session import PlayEvent, Presentation, Rater, Response, StudySession
from studyapp.models.snapshot import Snapshot
from studyapp.models.stimulus import Stimulus
from studyapp.models.study import Clip, Study, System, SystemPair
from studyapp.models.trust import SessionFlag, VoidedTrial
from studyapp.models.webhook import Delivery, Webhook
from studyapp.models.wording import StudyText

__all__ = [
    "ABOUT_SYSTEMS",
    "Amendment",
    "ApiToken",
    "AuditLine",
    "Block",
    "Break",
    "Clip",
    "Comparison",
    "Dataset",
    "Delivery",
    "Erasure",
    "FileCheck",
    "Invitation",
    "Participant",
    "PlayEvent",
    "Presentation",
    "Rater",
    "Response",
    "SessionFlag",
    "ShareLink",
    "Snapshot",
    "StepTry",
    "Stimulus",
    "StimulusHold",
    "Study",
    "StudyMember",
    "StudySession",
    "StudyText",
    "System",
    "SystemPair",
    "Trial",
    "TrialMark",
    "User",
    "VoidedTrial",
    "Webhook",
]
