# %% [markdown]
# # 99 · A lesson for the machinery's own tests
#
# **Time to learn**: 1 minute. It shows {golden:lesson99.count} numbers, $x^2$ of each, see {cite}`zhu2019phasenet`.

# %% [markdown]
# ```{note}
# A *note* with a formula $\sum_i x_i^2$ and a `code`.
#
# - one
# - two
# ```
#
# $$ t = \sqrt{\frac{x^2 + z^2}{v^2}} $$

# %%
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from course_utils.teaching.style import COLOURS, describe


@checks.exercise
def how_many(answer, x):
    if checks.whole(answer) != len(x):
        raise checks.Wrong("that is not their number; ask len().")


@checks.exercise
def check_square(answer):
    if checks.call(answer, 3) != 9:
        raise checks.Wrong("three does not become nine.")
    return "Also for three."


checks.lesson99 = SimpleNamespace(how_many=how_many, square=check_square)
x = np.arange(10.0)
pd.DataFrame({"x": x[:3], "square": x[:3] ** 2})

# %% alt="Ten points on a parabola."
fig, ax = plt.subplots()
ax.plot(x, x**2, "o-")
ax.set(xlabel="x", ylabel="x squared", title="A parabola")
plt.show()

# %%
figure = go.Figure(
    [
        go.Scatter(x=x, y=x**2, name="truth", mode="markers", marker={"color": COLOURS["truth"]}),
        go.Scatter(x=x, y=x**2 + 3, name="P", mode="lines"),
    ]
)
figure.update_layout(title="The same, to zoom", xaxis_title="x", yaxis_title="x squared")
describe(figure, "Ten points on a parabola, and a line three units above it.")

# %% tags=["golden"]
from course_utils.teaching import golden

golden.check("lesson99", count=len(x))

# %% [markdown]
# ```{exercise} Exercise 1 · How many?
# How many values does `x` hold?
# ```

# %%
# solution
answer = len(x)
# end solution
checks.lesson99.how_many(answer, x)

# %% [markdown]
# :::{exercise} Exercise 2 · Square
# Write a function.
# :::


# %%
def square(value):
    # solution: return ...
    return value * value
    # end solution


checks.lesson99.square(square)
