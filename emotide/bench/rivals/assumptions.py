"""What a person decided about how emotions last, spread and show, which no data can overrule: one line each.

Counted are choices about emotion, not sizes, rates and other settings of learning, and not the timeline that both read.
"""

SHARED = (
    "time is cut into steps of one length, and nothing within a step has an order",
    "a neighbour is whom a tie or a contact of the last 30 steps makes one",
    "what a neighbour felt acts from the next step on, unless the two are in touch",
    "no more than 16 neighbours known from before count, and as many new ones; late contacts are drawn more often",
)
FACTOR_GRAPH = (
    "an attribute moves the log-odds of an emotion by a fixed amount, whatever the others are",
    "of a post no more than its principal components of largest variance matters",
    "posts of one step count by their mean",
    "an emotion hangs on a fixed number of the person's own emotions before",
    "how much a former emotion counts falls exponentially with the steps since",
    "influence falls exponentially with the steps since, at the same pace",
    "a table of weights for two categories is the same for all people",
    "a table of weights for two categories is the same for all pairs that are in touch, and for all that are not",
    "of a neighbour only one emotion counts, the last",
    "neighbours count alike, and by their mean",
    "influence does not hang on what was said",
    "influence has no memory of its own: what two people were to each other before does not change it",
    "how often, and in which way, two people are in touch does not change it",
    "what is unknown further back than a fixed number of steps is not thought over again",
)
NETWORK = (
    "the state of a person who is touched by nothing stays as it is, and is told how long it was when it wakes",
    "the time elapsed is seen as a logarithm and two exponentials",
    "neighbours act through a weighted mean of what each does",
    "an emotion is read by how near its published pleasure, arousal and dominance are, and how alike its name is",
    "a reading starts from the last report and leaves it as the network learns to",
)
