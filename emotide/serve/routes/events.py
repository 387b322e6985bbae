"""What happens comes in: events and feedback, each once, committed before it is acknowledged."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Response

from emotide.serve.bodies import Events, Feedback, Receipt, Receipts, plain, rows
from emotide.serve.problems import FieldProblem, Refused
from emotide.serve.service import Here, Service, allows
from emotide.serve.tokens import Scope
from emotide.serve.wrong import in_one_line

router = APIRouter(prefix="/v1", tags=["events"], dependencies=[allows(Scope.write)])
TAKEN = {202: {"model": Receipts, "description": "committed; they are applied in a moment"}}


@router.post("/events", responses=TAKEN)  # type: ignore[arg-type]
async def accept(body: Events, response: Response, here: Here) -> Receipts:
    """Take events in; one whose id was here before changes nothing."""
    got = await here.write(here.engine.accept, [plain(event) for event in body.events])
    return _receipts("events", got, here, response)


@router.post("/feedback", responses=TAKEN)  # type: ignore[arg-type]
async def feedback(body: Feedback, response: Response, here: Here) -> Receipts:
    """Take feedback in; the recommender learns from it."""
    got = await here.write(here.engine.feedback, [plain(row) for row in body.rows])
    return _receipts("rows", got, here, response)


def _receipts(batch: str, got: Sequence[Any], here: Service, response: Response) -> Receipts:
    """202 where something is new, 200 where all was here before; nothing but refusals is a problem."""
    receipts: list[Receipt] = rows(Receipt, got)
    for receipt in receipts:
        here.metrics.taken("event" if batch == "events" else "feedback", receipt.status)
    if all(receipt.status == "refused" for receipt in receipts):
        wrong = [
            FieldProblem(field=f"body.{batch}.{k}", reason=one.reason or "refused", index=k)
            for k, one in enumerate(receipts)
        ]
        raise Refused(422, f"nothing was kept: {in_one_line(wrong)}", errors=wrong)
    if any(receipt.status == "new" for receipt in receipts):
        response.status_code = 202
    return Receipts(receipts=receipts)
