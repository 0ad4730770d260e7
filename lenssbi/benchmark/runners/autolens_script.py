"""PyAutoLens (Nightingale et al. 2021) on one of our stamps; runs in PyAutoLens's interpreter, which does not need lenssbi.

    python autolens_script.py FOLDER

The folder holds `stamp.npz` (image, lit, noise, psf, mask; row 0 at the bottom) and `job.json` with the task; the result is
written to `answer.json`. Parameters are in lenssbi's conventions; PyAutoLens has (y, x) and

    kappa = radius / (1 + q) / sqrt(x^2 + y^2 / q^2),   ell_comps = (1 - q) / (1 + q) * (sin 2 phi, cos 2 phi).
"""

import json
import os
import resource
import shutil
import sys
import time
from pathlib import Path
from typing import Any

for name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ.setdefault(f"{name}_NUM_THREADS", "1")  # before NumPy loads its BLAS
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import numpy as np  # noqa: E402

STATE, SAVE_EVERY = "checkpoint.hdf5", 10.0
ORDER = ("einstein_radius", "e1", "e2", "centre_x", "centre_y")


def main(folder: Path) -> None:
    """Do the job of a folder."""
    import autolens as al

    job = json.loads((folder / "job.json").read_text())
    answer = {"evaluate": evaluate, "fit": fit}[job["task"]](job, folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    answer |= {"version": al.__version__, "peak_memory_mb": peak}
    temporary = folder / ".answer.json"
    temporary.write_text(json.dumps(answer))
    os.replace(temporary, folder / "answer.json")


def evaluate(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Milliseconds and figures of merit of lens models, for each case {mesh, solver, columns}."""
    stamp, found = np.load(folder / "stamp.npz"), []
    models = [dict(zip(ORDER, row, strict=True)) for row in job["models"]]
    for case in job["cases"]:
        try:
            found.append(case | time_case(job, case, stamp, models))
        except Exception as error:  # a case that another release does not support must not end the others
            found.append(case | {"status": f"{type(error).__name__}: {error}".splitlines()[0]})
    return {"cases": found}


def time_case(job: dict[str, Any], case: dict[str, Any], stamp: Any, models: list[dict[str, float]]) -> dict[str, Any]:
    """The median over repeats, without the first round."""
    import autofit as af

    analysis, source = set_up(job, case, stamp)
    lens = [galaxy(al_mass(model), columns(job, case)) for model in models]
    built = [
        af.Collection(galaxies=af.Collection(lens=one, source=source)).instance_from_vector(vector=[]) for one in lens
    ]
    merit = [float(analysis.log_likelihood_function(instance)) for instance in built]
    took, wall = [], []
    for k in range(job["repeats"]):
        start, clock = time.thread_time(), time.perf_counter()
        analysis.log_likelihood_function(built[k % len(built)])
        took.append(1e3 * (time.thread_time() - start))
        wall.append(1e3 * (time.perf_counter() - clock))
    inversion = analysis.fit_from(built[0]).inversion
    size = int(inversion.curvature_reg_matrix.shape[0])
    low, median, high = np.percentile(took, [16, 50, 84])
    row = {"status": "done", "ms": median, "low": low, "high": high, "wall": float(np.median(wall)), "merit": merit}
    return row | {"source_pixels": size - (case["columns"] if size > job["pixels"] else 0)}


def set_up(job: dict[str, Any], case: dict[str, Any], stamp: Any) -> tuple[Any, Any]:
    """The analysis of a stamp, and the model of the source."""
    import autofit as af
    import autolens as al

    data = dataset(job, stamp, "lit" if case["columns"] else "image")
    images, pixels = None, job["pixels"]
    if case["mesh"] == "delaunay":
        grid = overlay(data.mask, pixels)
        images = al.AdaptImages(galaxy_name_image_plane_mesh_grid_dict={"('galaxies', 'source')": grid})
        mesh = al.mesh.Delaunay(pixels=grid.shape[0], zeroed_pixels=0)
    elif case["mesh"] == "rectangular":
        mesh = al.mesh.RectangularBilinearAdaptDensity(shape=(round(pixels**0.5),) * 2)
    else:
        raise ValueError(f"PyAutoLens has no {case['mesh']} mesh")
    regularization = al.reg.Constant(coefficient=job.get("coefficient", 1.0))
    if job["task"] == "fit":
        regularization = af.Model(al.reg.Constant)
        regularization.coefficient = af.LogUniformPrior(*job["coefficients"])
    pixelization = af.Model(al.Pixelization, mesh=mesh, regularization=regularization)
    settings = al.Settings(use_positive_only_solver=case["solver"] == "positive", use_border_relocator=True)
    analysis = al.AnalysisImaging(dataset=data, adapt_images=images, settings=settings, use_jax=False)
    # its release wants the positions of the images by hand; lenssbi has none
    analysis.raise_inversion_positions_likelihood_exception = False
    return analysis, af.Model(al.Galaxy, redshift=1.0, pixelization=pixelization)


def dataset(job: dict[str, Any], stamp: Any, which: str) -> Any:
    """The masked stamp with the operators of its fast path on a CPU."""
    import autolens as al

    scale = job["pixel_scale"]
    image, noise, psf = (
        al.Array2D.no_mask(stamp[key][::-1].copy(), pixel_scales=scale) for key in (which, "noise", "psf")
    )
    data = al.Imaging(data=image, noise_map=noise, psf=al.Convolver(kernel=psf))
    data = data.apply_mask(mask=al.Mask2D(mask=~stamp["mask"][::-1], pixel_scales=scale))
    sub = job["subgrid"]
    data = data.apply_over_sampling(over_sample_size_lp=sub, over_sample_size_pixelization=sub)
    return data.apply_sparse_operator_cpu()


def overlay(mask: Any, pixels: int) -> Any:
    """The regular grid over the mask with the number of points nearest to `pixels`."""
    import autolens as al

    grids = (al.image_mesh.Overlay(shape=(n, n)).image_plane_mesh_grid_from(mask=mask) for n in range(4, 90))
    return min(grids, key=lambda grid: abs(grid.shape[0] - pixels))


def al_mass(model: dict[str, float]) -> dict[str, Any]:
    """Arguments of PyAutoLens's isothermal ellipsoid."""
    modulus = np.hypot(model["e1"], model["e2"])
    q, angle = np.sqrt((1 - modulus) / (1 + modulus)), np.arctan2(model["e2"], model["e1"])
    g = (1 - q) / (1 + q)
    radius = model["einstein_radius"] * (1 + q) / (2 * np.sqrt(q))
    shape = (float(g * np.sin(angle)), float(g * np.cos(angle)))
    return {"centre": (model["centre_y"], model["centre_x"]), "einstein_radius": float(radius), "ell_comps": shape}


def galaxy(mass: dict[str, Any], light: Any) -> Any:
    """A lens without free parameters."""
    import autolens as al

    parts = {} if light is None else {"bulge": light}
    return al.Galaxy(redshift=0.5, mass=al.mp.Isothermal(**mass), **parts)


def columns(job: dict[str, Any], case: dict[str, Any]) -> Any:
    """The lens light as linear Gaussians [sigma, q]; None without."""
    import autolens as al

    if not case["columns"]:
        return None
    shapes = [(sigma, al.convert.ell_comps_from(axis_ratio=q, angle=0.0)) for sigma, q in job["light"]]
    return al.lp_basis.Basis(profile_list=[al.lp_linear.Gaussian(ell_comps=e, sigma=s) for s, e in shapes])


def fit(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Sample a posterior with its Nautilus; a stopped run continues from its state."""
    import autofit as af
    import autolens as al

    (folder / "config").mkdir(exist_ok=True)
    (folder / "config" / "own.yaml").write_text(
        "nothing: 0\n"
    )  # it requires a file there, and uses its defaults for the rest
    af.conf.instance.push(new_path=folder / "config", output_path=folder / "output")
    analysis, source = set_up(job, job["case"], np.load(folder / "stamp.npz"))
    lens = af.Model(al.Galaxy, redshift=0.5, mass=priors(job))
    model = af.Collection(galaxies=af.Collection(lens=lens, source=source))
    analysis.log_likelihood_function(model.instance_from_prior_medians())  # compilation is not timed
    settings = {key: job[key] for key in ("n_live", "n_eff", "seed")}
    search = af.Nautilus(
        name="fit", number_of_cores=1, n_batch=50, iterations_per_full_update=10**7, silence=True, **settings
    )
    clock = Clock(folder)
    clock.restore()
    counted(analysis, clock)
    result = search.fit(model=model, analysis=analysis)
    clock.keep()
    samples = result.samples
    values, weights = np.array(samples.parameter_lists), np.array(samples.weight_list)
    rows = ours(dict(zip(["_".join(path[-1:]) for path in model.paths], values.T, strict=True)))
    kept = weights > 1e-12 * weights.max()
    return {
        "names": list(ORDER),
        "values": np.stack([rows[key][kept] for key in ORDER], axis=1).tolist(),
        "weights": weights[kept].tolist(),
        "log_evidence": float(samples.log_evidence),
        "best": float(max(samples.log_likelihood_list)),
        "seconds": clock.seconds,
        "cpu": clock.cpu,
        "evaluations": clock.evaluations,
    }


def priors(job: dict[str, Any]) -> Any:
    """The mass model: Gaussian (mean, sigma) or uniform [low, high] for each of PyAutoLens's parameters."""
    import autofit as af
    import autolens as al

    mass = af.Model(al.mp.Isothermal)
    for key, (kind, one, other) in job["priors"].items():
        prior = af.GaussianPrior(mean=one, sigma=other) if kind == "normal" else af.UniformPrior(one, other)
        holder, _, part = key.partition(".")
        setattr(getattr(mass, holder) if part else mass, part or holder, prior)
    return mass


def ours(theirs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """PyAutoLens's parameters in lenssbi's conventions."""
    g = theirs["ell_comps_1"] + 1j * theirs["ell_comps_0"]
    q = (1 - abs(g)) / (1 + abs(g))
    e = 2 * g / (1 + abs(g) ** 2)  # (1 - q^2) / (1 + q^2) exp(2 i phi)
    radius = theirs["einstein_radius"] * 2 * np.sqrt(q) / (1 + q)
    return {
        "einstein_radius": radius,
        "e1": e.real,
        "e2": e.imag,
        "centre_x": theirs["centre_1"],
        "centre_y": theirs["centre_0"],
    }


class Clock:
    """Seconds and evaluations of a fit, earlier runs included, and a copy of the search's state.

    Nautilus writes its state in place, so that a kill can leave half of it: a copy is taken during an evaluation, when it is complete.
    """

    def __init__(self, folder: Path) -> None:
        self.path, self.state, self.output = folder / "clock.json", folder / STATE, folder / "output"
        known = self.path.exists() and self.state.exists()
        spent = json.loads(self.path.read_text()) if known else {"seconds": 0.0, "cpu": 0.0, "evaluations": 0}
        self.evaluations = spent["evaluations"]
        self.start, self.start_cpu = time.perf_counter() - spent["seconds"], time.process_time() - spent["cpu"]
        self.kept = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Wall time [s]."""
        return time.perf_counter() - self.start

    @property
    def cpu(self) -> float:
        """Processor time [s]."""
        return time.process_time() - self.start_cpu

    def count(self) -> None:
        """Count an evaluation."""
        self.evaluations += 1
        if time.perf_counter() - self.kept > SAVE_EVERY:
            self.keep()

    def restore(self) -> None:
        """Restore the copied state for the search; without one the search starts again."""
        places = list(self.output.glob(f"fit/*/files/search_internal/{STATE}"))
        for place in places:
            place.unlink()
            if self.state.exists():
                shutil.copy(self.state, place)

    def keep(self) -> None:
        """Write the costs so far, and copy the state."""
        self.kept = time.perf_counter()
        for place in self.output.glob(f"fit/*/files/search_internal/{STATE}"):
            shutil.copy(place, self.state.with_suffix(".new"))
            os.replace(self.state.with_suffix(".new"), self.state)
        spent = {"seconds": self.seconds, "cpu": self.cpu, "evaluations": self.evaluations}
        self.path.with_suffix(".new").write_text(json.dumps(spent))
        os.replace(self.path.with_suffix(".new"), self.path)


def counted(analysis: Any, clock: Clock) -> None:
    """Make an analysis count its evaluations."""
    kind = type(analysis)

    def log_likelihood_function(self: Any, *args: Any, **kwargs: Any) -> Any:
        clock.count()
        return kind.log_likelihood_function(self, *args, **kwargs)

    analysis.__class__ = type("Counted", (kind,), {"log_likelihood_function": log_likelihood_function})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
