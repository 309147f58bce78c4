"""Why an action was refused. The message is shown to the person who asked, as it is."""


class DuetError(Exception):
    """An action cannot be done; the message says why and what to do."""


class WrongState(DuetError):
    """The study, session or stimulus is not in a state that allows this."""


class NotReady(DuetError):
    """Something that must exist first does not yet."""


class Overtaken(DuetError):
    """Somebody else changed the same thing meanwhile; the message says who and how."""


class StudyFull(DuetError):
    """No block is left for another rater."""


class ToldOtherwise(DuetError):
    """What the consent page tells was changed since this person read it."""


class SessionOver(DuetError):
    """The session has expired or ended; what was answered is kept."""


class StepFirst(DuetError):
    """A step before the trials is not done yet."""


class UnknownReceipt(DuetError):
    """No session has this receipt code."""


class AnswerRefused(DuetError):
    """An answer does not satisfy the rules of its trial."""


class Distrusted(AnswerRefused):
    """A claim that our page never makes; ``rule`` is the flag that the session gets."""

    def __init__(self, message: str, *, rule: str) -> None:
        super().__init__(message)
        self.rule = rule
