"""Takes events in as the engine does, and plans what happens while somebody waits."""

import json
from types import SimpleNamespace

from emotide.errors import Busy


class Taker:
    """Takes events in as the engine does: by their ids, once."""

    def __init__(self, busy=0):
        self.kept, self.told, self.busy, self.deliveries = {}, {}, busy, 0

    def accept(self, events, kept=None):
        if self.busy:
            self.busy -= 1
            raise Busy(0.25)
        kept = self.kept if kept is None else kept
        receipts = []
        for event in events:
            self.deliveries += 1
            status = "refused" if event.get("type") == "wrong" else "known" if event["event_id"] in kept else "new"
            if status == "new":
                kept[event["event_id"]] = event
            receipts.append(SimpleNamespace(event_id=event["event_id"], status=status, reason="is wrong"))
        return receipts

    def feedback(self, rows):
        return self.accept(rows, self.told)

    @property
    def n(self):
        return [event["n"] for event in self.kept.values()]


class Stop(Exception):
    pass


class Pauses:
    """Does what is planned whenever somebody waits; stops when nothing is planned any more."""

    def __init__(self, *plans):
        self.plans, self.seconds = list(plans), []

    def __call__(self, seconds):
        self.seconds.append(seconds)
        if not self.plans:
            raise Stop
        self.plans.pop(0)()


def event(n, **more):
    return json.dumps({"event_id": f"e{n}", "type": "post", "n": n, **more}) + "\n"


def append(path, text):
    with path.open("a") as file:
        file.write(text)


def killed_in_the_third_batch(source, taker):
    """Two batches are done; the third is taken in, and nobody notes it."""
    for number, batch in enumerate(source, 1):
        taker.accept(batch.events)
        if number == 3:
            return
        source.done(batch)
