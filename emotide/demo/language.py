"""The English of the town: sentences that tell a mood, but not too clearly."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Mood:
    """How people talk in one mood."""

    adjectives: tuple[str, ...]  # after "I feel"
    clauses: tuple[str, ...]  # whole sentences without the stop
    emoji: tuple[str, ...]


def _mood(adjectives: str, clauses: str, emoji: str) -> Mood:
    return Mood(tuple(adjectives.split(", ")), tuple(clauses.split(" / ")), tuple(emoji.split()))


MOODS = {
    "anger": _mood(
        "angry, furious, annoyed, fed up, mad, irritated, outraged, bitter",
        "I am done being polite / this makes my blood boil / somebody should answer for this / how dare they / "
        "I nearly shouted at everyone / stop wasting my time",
        "😡 🤬 😤",
    ),
    "disgust": _mood(
        "disgusted, sickened, repelled, grossed out, appalled, sick of it, contemptuous, put off",
        "it is simply revolting / what a nasty mess / I cannot even look at it / that was vile / "
        "it turns my stomach / filthy from start to end",
        "🤢 🤮 😒",
    ),
    "fear": _mood(
        "afraid, scared, anxious, worried, nervous, terrified, uneasy, frightened",
        "I could not sleep again / what if it all goes wrong / my hands are shaking / I dread tomorrow / "
        "I keep looking over my shoulder / I am not ready for this",
        "😱 😨 😰",
    ),
    "joy": _mood(
        "happy, delighted, glad, cheerful, thrilled, grateful, proud, wonderful",
        "I could dance all day / everything just worked / best day in weeks / I cannot stop smiling / "
        "life is good / we laughed for hours",
        "😊 🎉 🥰",
    ),
    "neutral": _mood(
        "fine, okay, calm, alright, ready, normal, so-so, quiet",
        "nothing much to report / same as every week / just so you know / more of it tomorrow / "
        "that is the plan / will see how it goes",
        "🙂 👍 📌",
    ),
    "sadness": _mood(
        "sad, lonely, low, down, empty, miserable, hopeless, heartbroken",
        "I miss how it used to be / I could cry / nothing feels worth it / I stayed in bed all morning / "
        "nobody called / it hurts more than I thought",
        "😢 💔 😞",
    ),
    "surprise": _mood(
        "surprised, amazed, astonished, stunned, speechless, startled, curious, wide awake",
        "I did not see that coming / wait, what just happened / who would have thought / out of nowhere / "
        "I had to look twice / you will not believe it",
        "😲 🤯 😮",
    ),
}
VAGUE = _mood(
    "strange, tired, restless, overwhelmed, a lot, different, intense, not myself",
    "what a day / I do not know what to say / well, here we are / that was something / it is what it is / let us talk",
    "✨ 🤷 👀",
)
TOPICS = {
    "music": ("the choir", "my guitar", "the concert", "that new song", "band practice"),
    "garden": ("the garden", "my tomatoes", "the roses", "the apple tree", "the compost"),
    "work": ("the office", "my shift", "the meeting", "the new boss", "the deadline"),
    "football": ("the match", "our team", "the referee", "training", "the league"),
    "cooking": ("the soup", "my bread", "the new recipe", "dinner", "the market"),
    "school": ("the exam", "homework", "the school trip", "my teacher", "the library"),
    "weather": ("the rain", "the storm", "this heat", "the fog", "the morning sun"),
    "films": ("that film", "the cinema", "the last episode", "the ending", "the documentary"),
}
TEMPLATES = (
    "{thing} again and I feel {adjective}",
    "so {adjective} about {thing} today",
    "{clause}. {thing}, of course",
    "about {thing}: {clause}",
    "honestly {adjective} after {thing}",
    "spent the day with {thing}, {clause}",
    "{thing} left me {adjective}",
    "feeling {adjective}, {clause}",
    "{clause}",
    "have you seen {thing}? {clause}",
    "another evening, another talk about {thing}. {adjective} is the word",
    "{thing} and me: {adjective}",
)
REPLIES = (
    "same here, {clause}",
    "I hear you. I feel {adjective} too",
    "{adjective}, and you?",
    "and {thing}? {clause}",
)


def sentence(rng: np.random.Generator, mood: str, topic: str, arousal: float, noise: float, reply: bool = False) -> str:
    """A post in that mood about that topic.

    Args:
        rng: drawn from a fixed number of times for every post.
        mood: a name of MOODS.
        topic: a name of TOPICS.
        arousal: -1 to 1; the aroused use exclamation marks, the calm use dots.
        noise: probability that the words come from no mood, and half as likely from a mood that is not felt.
        reply: whether it answers somebody.
    """
    chance = rng.random(4)
    picks = rng.random(6)
    false_mood = list(MOODS)[int(picks[5] * len(MOODS))]
    voice = VAGUE if chance[0] < noise else MOODS[false_mood] if chance[0] < 1.5 * noise else MOODS[mood]
    text = _pick(REPLIES if reply else TEMPLATES, picks[0]).format(
        thing=_pick(TOPICS[topic], picks[1]),
        adjective=_pick(voice.adjectives, picks[2]),
        clause=_pick(voice.clauses, picks[3]),
    )
    end = "!" if chance[1] < arousal else "..." if chance[1] < -arousal else "."
    emoji = _pick(voice.emoji if chance[2] < 0.8 else VAGUE.emoji, picks[4])
    return text[0].upper() + text[1:] + end + (f" {emoji}" if chance[3] < 0.35 else "")


def _pick(choices: tuple[str, ...], share: float) -> str:
    return choices[int(share * len(choices))]
