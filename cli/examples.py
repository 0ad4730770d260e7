"""One line of each command, shown below its help."""

EXAMPLES = {
    "simulate": "lenssbi simulate configs/populations/sie_parametric.yaml --count 100 --out test.h5",
    "train": "lenssbi train configs/estimator/tiny.yaml --set-file train.h5 --out runs/tiny",
}
