"""Policies made of policies."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from hedgecore.hedging.policies import Custom, Policy, Setting
from hedgecore.hedging.ratios import BLACK


@dataclass(frozen=True, init=False)
class _Combination(Policy):
    members: Sequence[Policy]

    kind: ClassVar[str]
    __signature__: ClassVar[inspect.Signature]

    def __init__(
        self, *policies: Policy, members: Sequence[Policy] = (), **restraints: Any
    ) -> None:
        """Take the members as arguments; restraints as of :class:`Policy`."""
        super().__init__(**restraints)
        object.__setattr__(self, "members", (*policies, *members))
        if not self.members:
            raise ValueError(f"{type(self).__name__} has no members")
        for row, member in enumerate(self.members):
            if not isinstance(member, Policy):
                raise TypeError(f"members[{row}] must be a policy, not {member!r}")
            if isinstance(member, Custom):
                raise TypeError(
                    f"members[{row}] is a Custom policy, which decides for itself: its function can combine laws, no law it"
                )
        if self.hedge_ratio != BLACK:
            raise ValueError(f"hedge_ratio = {self.hedge_ratio} is for the members to have")
        if self.target != 0.0:
            raise ValueError(f"target = {self.target} is for the members to have")

    @property
    def family(self) -> str:
        """The name under which settings are compared."""
        return f"{type(self).__name__}({', '.join(member.family for member in self.members)})"

    def law(self, setting: Setting) -> dict[str, Any]:
        """As :class:`Policy` says."""
        laws = []
        for row, member in enumerate(self.members):
            try:
                laws.append(member.core(setting))
            except (ValueError, TypeError) as error:
                raise type(error)(f"members[{row}]: {error}") from None
        return {"combination": self.kind, "members": laws}


# for configurations, which have names alone
_Combination.__signature__ = inspect.Signature(
    [
        inspect.Parameter("members", inspect.Parameter.KEYWORD_ONLY),
        *inspect.signature(Policy).parameters.values(),
    ]
)


class AnyOf(_Combination):
    """Trades where one of its members wants to; the first that does decides the order.

    >>> from hedgecore.hedging import AnyOf, Clock, DeltaBand
    >>> AnyOf(DeltaBand(width=0.05), Clock(every=96)).family
    'AnyOf(DeltaBand edge, Clock)'

    Members have one holding and one last trade, that of the whole.  Each looks when it does by itself (``every``, ``blackout``) and its other restraints bind
    its own orders, a cool-down from the last trade of the whole; the restraints given here bind the whole.  The exposure is counted from the
    first member's target.  Members may be combinations, not :class:`Custom`.
    """

    kind = "any_of"


class AllOf(_Combination):
    """Trades where all of its members want to at the same step; the order is that of the first.

    Put first what says how much to trade.  Everything else is as of :class:`AnyOf`.
    """

    kind = "all_of"
