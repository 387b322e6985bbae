"""The model is changed and the states are written down while everything runs."""

from pathlib import Path

from fastapi import APIRouter

from emotide.serve.bodies import Done, Swap
from emotide.serve.problems import Refused
from emotide.serve.service import Here, allows
from emotide.serve.tokens import Scope

router = APIRouter(prefix="/v1", tags=["admin"], dependencies=[allows(Scope.admin)])


@router.post("/model")
async def swap(body: Swap, here: Here) -> Done:
    """Go on with another model, a folder beside the one that is served; nobody waits meanwhile."""
    room = here.settings.models
    if room is None or not (folder := _inside(room, body.model)):
        raise Refused(404, "there is no model of this name")
    await here.write(here.engine.swap, folder)
    return Done(done=body.model)


@router.post("/checkpoint")
async def checkpoint(here: Here) -> Done:
    """Write the states down now."""
    return Done(done=(await here.write(here.engine.checkpoint)).name)


def _inside(room: Path, name: str) -> Path | None:
    """The folder of that name right in the room, wherever links lead; None where none is."""
    folder = (room / name).resolve()
    return folder if folder.parent == room.resolve() and (folder / "model.json").is_file() else None
