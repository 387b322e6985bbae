"""The same step on many machines: parts of the users, each with the pairs that point at them (DESIGN 8).

Parts and what runs in one know nothing of Ray (`partition`, `cut`, `part`, `peers`, `borders`, `run`, `training`);
`session`, `workers`, `states`, `fitting` and `encoding` do, and nothing else of Emotide imports it.
"""
