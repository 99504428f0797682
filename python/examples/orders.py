# %% [markdown]
# # Totals of orders, computed in the sandbox
#
# A notebook: each `# %%` begins a cell, in Jupyter (with jupytext), VS Code and Spyder. As a script, it takes the file for the plot:
# `python orders.py orders.png`.

# %%
import io
import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

import bacalhau

top = Path(os.environ.get("BACALHAU_TOP", "../.."))

# %% [markdown]
# The data is a DataFrame. The job reads it as a CSV, which is named by its hash in the receipt.

# %%
orders = pd.DataFrame(
    {
        "shop": ["York", "Hull", "York", "Leeds", "Hull", "York"],
        "category": ["tea", "coffee", "coffee", "tea", "tea", "biscuits"],
        "amount": [4.59, 7.60, 15.20, 3.78, 9.18, 2.40],
    }
)
data = orders.to_csv(index=False).encode()

# %% [markdown]
# The program groups rows and sums them up. It has no network, no clock of this machine, and no other files.

# %%
runtime = bacalhau.Runtime()
module = runtime.load(top / "wasm-examples/modules/csv-report.wasm")
result = runtime.run(module, args=["--group", "shop", "--value", "amount"], inputs={"/inputs/orders.csv": data})
if result.exit_code != 0:
    sys.exit(result.stderr.decode())
print(result.stdout.decode())

# %% [markdown]
# Results are bytes.

# %%
report = pd.read_csv(io.BytesIO(result.read("outputs/report.csv")))
totals = report.set_index("shop")["sum"]
expected = orders.groupby("shop")["amount"].sum()
assert totals.round(2).to_dict() == expected.round(2).to_dict()

# %%
axes = totals.plot.bar(title="Orders by shop", ylabel="amount", rot=0)
axes.text(0, -0.18, result.h1, transform=axes.transAxes, fontsize=7)
plt.tight_layout()
if len(sys.argv) > 1:
    plt.savefig(sys.argv[1])
else:
    plt.show()

# %% [markdown]
# The receipt names the program, the data and the results by their hashes. Everyone who has both can run the job again and compare.

# %%
receipt = result.receipt
assert receipt["claim"]["h1"] == bacalhau.dirhash(result.path)
assert runtime.verify(receipt, module, {"/inputs/orders.csv": data}) == []
other = data.replace(b"4.59", b"9.54")
try:
    runtime.verify(receipt, module, {"/inputs/orders.csv": other})
except bacalhau.Refused as error:
    print("other data is noticed:", error)
print("the receipt is right:", receipt["claim"]["h1"])
