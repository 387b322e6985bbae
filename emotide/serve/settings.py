"""The limits of the service, one TOML file."""

from pathlib import Path

from pydantic import BaseModel, Field

from emotide.log.settings import read_settings

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class ServiceSettings(BaseModel, frozen=True, extra="forbid"):
    """What the service takes, from whom, how fast and for how long."""

    hosts: tuple[str, ...] = Field(LOOPBACK, description="names that a request's Host header may have, without port")
    max_body: int = Field(4 << 20, ge=1024, description="bytes of a request's body")
    rate: float = Field(100.0, gt=0, description="requests a second of one token (or address, where no token is asked)")
    burst: int = Field(200, ge=1, description="requests that one may send at once after a pause")
    failure_rate: float = Field(0.5, gt=0, description="refused tokens a second of one address")
    failure_burst: int = Field(20, ge=1, description="refused tokens of one address at once after a pause")
    header_seconds: float = Field(10.0, gt=0, description="within which a request's headers must be there")
    body_seconds: float = Field(10.0, gt=0, description="within which a request's body must be there")
    send_seconds: float = Field(10.0, gt=0, description="within which a client must take a piece of an answer")
    request_seconds: float = Field(20.0, gt=0, description="within which a request must be answered")
    stop_seconds: int = Field(10, ge=1, description="for requests under way when the service stops")
    readers: int = Field(4, ge=1, description="threads that read and recommend")
    writers: int = Field(2, ge=1, description="threads that take events and feedback in")
    waiting: int = Field(256, ge=1, description="requests that may wait for a thread; more are sent away (429)")
    connections: int = Field(512, ge=1, description="open connections")
    streams: int = Field(32, ge=1, description="open streams")
    stream_seconds: float = Field(3600.0, gt=0, description="after which a stream ends; the client connects again")
    heartbeat_seconds: float = Field(15.0, gt=0, description="of silence on a stream, after which it says so")
    token_seconds: float = Field(2.0, ge=0, description="after which a revoked token is refused at the latest")
    cache_seconds: float = Field(60.0, ge=0, description="for which a verified token is not verified again")
    least: int = Field(5, ge=1, description="people that a group must have for its figures to be told")
    models: Path | None = Field(None, description="the folder that models may be swapped in from; that of the model's")

    @classmethod
    def read(cls, file: Path) -> "ServiceSettings":
        """Settings from a TOML file.

        Raises:
            BadInput: the file cannot be read, or a field is unknown or out of its range.
        """
        return read_settings(file, cls)
