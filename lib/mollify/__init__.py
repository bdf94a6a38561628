"""Mollification: policy gradients as heat flow.

The library behind the book. One flow, one direction of imports:
system -> policy -> rollout -> gradient -> training -> experiment -> data -> figure -> page.
"""

__version__ = "0.1.0"
