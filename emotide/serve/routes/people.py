"""One person: how they feel, who moved them, what they want, what to show them; and their right to leave."""

from typing import Annotated

from fastapi import APIRouter, Query

from emotide.serve.bodies import Demand, Emotion, Forgotten, Influence, Recommendation, Wanted, rows
from emotide.serve.paths import User
from emotide.serve.problems import LATER
from emotide.serve.service import Here, allows
from emotide.serve.tokens import Scope

router = APIRouter(prefix="/v1", tags=["people"])
Name = Annotated[str | None, Query(min_length=1, max_length=400)]


@router.get("/users/{user}/emotion", dependencies=[allows(Scope.read)])
async def emotion(
    user: User,
    here: Here,
    network: Annotated[str | None, Query(max_length=400)] = None,
    space: Name = None,
    horizon: Annotated[int, Query(ge=0, le=30, description="steps ahead")] = 0,
) -> list[Emotion]:
    """How a person feels now, and in so many steps."""
    ask = here.engine.emotion
    return rows(Emotion, await here.read(ask, user, network=network, space=space, horizon=horizon))


@router.get("/users/{user}/influences", dependencies=[allows(Scope.read)], responses=LATER)
async def influences(
    user: User, here: Here, top: Annotated[int, Query(ge=1, le=100, description="people")] = 10
) -> list[Influence]:
    """Who moved a person, the strongest first."""
    return rows(Influence, await here.read(here.engine.influences, user, top=top))


@router.get("/users/{user}/demand", dependencies=[allows(Scope.read)])
async def demand(user: User, here: Here) -> list[Demand]:
    """What a person wants now, by topic."""
    return rows(Demand, await here.read(here.engine.demand, by="user", user=user, least=1))


@router.post("/recommendations", dependencies=[allows(Scope.recommend)])
async def recommend(body: Wanted, here: Here) -> list[Recommendation]:
    """What to show a person in the state they are in; the guard is on, and every decision is written down."""
    ask = here.engine.recommend
    return rows(Recommendation, await here.read(ask, body.user_id, top=body.top, network=body.network))


@router.delete("/users/{user}", dependencies=[allows(Scope.admin)])
async def forget(user: User, here: Here) -> Forgotten:
    """Erase a person: events, states, feedback, audit; a tombstone keeps them out."""
    return Forgotten.model_validate(await here.write(here.engine.forget, user))
