"""Groups of people, never smaller than the least size; and the spaces of emotions."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query

from emotide.serve.bodies import Demand, Space, rows
from emotide.serve.problems import LATER, FieldProblem, Refused
from emotide.serve.service import Here, allows
from emotide.serve.tokens import Scope

router = APIRouter(prefix="/v1", tags=["groups"], dependencies=[allows(Scope.read)])


class By(StrEnum):
    """How people are put together."""

    network = "network"
    mood = "mood"
    group = "group"


@router.get("/demand", responses=LATER)
async def demand(
    here: Here,
    by: Annotated[By, Query(description="whose: of networks, of moods, of people alike in their states")] = By.network,
    least: Annotated[int | None, Query(ge=1, le=1_000_000, description="people that a group must have")] = None,
) -> list[Demand]:
    """What groups want now, by topic."""
    floor = here.settings.least
    if least is not None and least < floor:
        wrong = FieldProblem(field="query.least", reason=f"groups of fewer than {floor} people are not told about")
        raise Refused(422, f"{wrong.field}: {wrong.reason}", errors=[wrong])
    return rows(Demand, await here.read(here.engine.demand, by=by.value, least=least or floor))


@router.get("/spaces")
async def spaces(here: Here) -> list[Space]:
    """The emotion spaces that can be asked for."""
    return rows(Space, await here.read(here.engine.spaces))
