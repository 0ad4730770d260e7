"""Snapshots of EAGLE and IllustrisTNG: units, layouts, periodic boxes, centres, and files that are no such thing."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from lenssbi.populations.hydro.particles import BLACK_HOLES, DARK_MATTER, GAS, STARS, Particles, shrinking_sphere
from lenssbi.populations.hydro.snapshots import KPC, SOLAR_MASS, read_particles, write_particles
from lenssbi.status import InputError

EAGLE = "hydro/eagle_l0100n1504_subhalo_7943679.hdf5"


def a_galaxy(n=3000, redshift=0.5):
    rng = np.random.default_rng(1)
    position = rng.standard_normal((n, 3)) * rng.uniform(1, 30, (n, 1))
    kind = rng.choice([GAS, DARK_MATTER, STARS], n, p=[0.1, 0.5, 0.4]).astype(np.int8)
    return Particles(position, rng.uniform(1e6, 2e6, n), kind, redshift, 0.5, "blob").centred()


def by_radius(particles):
    """Radii and masses in an order that two copies share."""
    radius = np.sqrt(np.sum(particles.position**2, axis=1))
    order = np.argsort(radius)
    return radius[order], particles.mass[order], particles.kind[order]


def an_eagle_file(path, particles, a=0.5, h=0.7, box=20.0, origin=19.999):
    """Particles in EAGLE's layout: comoving Mpc/h, 1e10 Msun/h, headers as arrays of one, no masses of dark matter."""
    units = {
        "length": {"CGSConversionFactor": 1e3 * KPC, "aexp-scale-exponent": 1.0, "h-scale-exponent": -1.0},
        "mass": {"CGSConversionFactor": 1e10 * SOLAR_MASS, "aexp-scale-exponent": 0.0, "h-scale-exponent": -1.0},
    }
    with h5py.File(path, "w") as file:
        dark = particles.mass[particles.kind == DARK_MATTER]
        header = {"ExpansionFactor": [a], "Time": [a], "Redshift": [1 / a - 1], "HubbleParam": [h], "BoxSize": [box]}
        header["MassTable"] = [0, dark[0] * h / 1e10, 0, 0, 0, 0]
        file.create_group("Header").attrs.update(header)
        file.create_group("RuntimePars").attrs.update({"SofteningHalo": 0.002, "SofteningHaloMaxPhys": 0.0005})
        for kind in np.unique(particles.kind):
            chosen = particles.kind == kind
            group = file.create_group(f"PartType{kind}")
            group["Coordinates"] = (particles.position[chosen] / 1e3 * h / a + origin) % box
            group["Coordinates"].attrs.update(units["length"])
            if kind != DARK_MATTER:
                group["Mass"] = particles.mass[chosen] * h / 1e10
                group["Mass"].attrs.update(units["mass"])
            group["GroupNumber"] = np.full(chosen.sum(), 3)
            group["SubGroupNumber"] = np.arange(chosen.sum()) % 2
    return path


def test_eagle_units_wrap_and_selection(tmp_path):
    """A galaxy that lies across the corner of the box comes back whole, in kpc and Msun."""
    galaxy = a_galaxy(redshift=1.0)
    galaxy = replace(galaxy, mass=np.where(galaxy.kind == DARK_MATTER, 5e6, galaxy.mass))
    galaxy = galaxy.centred()
    path = an_eagle_file(tmp_path / "eagle.hdf5", galaxy)
    back = read_particles(path)
    for mine, theirs in zip(by_radius(back), by_radius(galaxy), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-6)
    assert back.redshift == pytest.approx(1.0)
    assert back.softening == pytest.approx(0.5 / 0.7)  # the physical limit is less than a * comoving
    half = read_particles(path, galaxy=(3, 1))
    assert half.masses[DARK_MATTER] == pytest.approx(galaxy.masses[DARK_MATTER] / 2, rel=0.01)
    assert half.name == "eagle-3-1"
    with pytest.raises(InputError, match=r"no galaxy .* = \(3, 7\)"):
        read_particles(path, galaxy=(3, 7))


def test_tng_layout_is_read_back(tmp_path):
    galaxy = a_galaxy()
    write_particles(tmp_path / "tng.hdf5", galaxy, origin=1.0)  # its other half comes in across the box
    back = read_particles(tmp_path / "tng.hdf5")
    for mine, theirs in zip(by_radius(back), by_radius(galaxy), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-5)
    assert back.redshift == 0.5
    assert back.softening == pytest.approx(0.5)
    assert back.name == "tng"


def test_tng_masses_from_the_table_and_default_units(tmp_path):
    """As cut-outs have it: no units in the header, no masses of dark matter: ckpc/h and 1e10 Msun/h."""
    with h5py.File(tmp_path / "cutout.hdf5", "w") as file:
        header = {"HubbleParam": 0.5, "Redshift": 1.0, "MassTable": [0, 2e-3, 0, 0, 0, 0]}
        file.create_group("Header").attrs.update(header)
        file["PartType1/Coordinates"] = np.array([[10.0, 0, 0], [14.0, 0, 0]])
        file["PartType4/Coordinates"] = np.array([[12.0, 2, 0], [12.0, -2, 0]])
        file["PartType4/Masses"] = np.array([1e-4, 1e-4])
        file["PartType3/ParentID"] = np.array([1, 2])  # tracers, without mass
    galaxy = read_particles(tmp_path / "cutout.hdf5")
    assert galaxy.masses == pytest.approx({DARK_MATTER: 2 * 2e-3 * 1e10 / 0.5, STARS: 2 * 1e-4 * 1e10 / 0.5})
    np.testing.assert_allclose(np.abs(galaxy.position).max(axis=0), [2, 2, 0])  # 2 ckpc/h at a = 1/2, h = 1/2


def test_a_snapshot_in_several_files(tmp_path):
    galaxy = a_galaxy()
    half = np.arange(len(galaxy)) % 2 == 0
    for i, part in enumerate((half, ~half)):
        piece = replace(galaxy, position=galaxy.position[part], mass=galaxy.mass[part], kind=galaxy.kind[part])
        write_particles(tmp_path / f"snap.{i}.hdf5", piece)
    whole = read_particles([tmp_path / "snap.0.hdf5", tmp_path / "snap.1.hdf5"])
    assert len(whole) == len(galaxy)
    assert whole.masses == pytest.approx(galaxy.masses)
    with h5py.File(tmp_path / "snap.0.hdf5", "a") as file:
        file["Header"].attrs["NumFilesPerSnapshot"] = 2
    with pytest.raises(InputError, match="only 1 of the 2 files"):
        read_particles(tmp_path / "snap.0.hdf5")


def test_the_centre_is_the_potential_minimum_where_there_is_one(tmp_path):
    galaxy = a_galaxy()
    path = tmp_path / "tng.hdf5"
    write_particles(path, galaxy)
    with h5py.File(path, "a") as file:
        for kind in (GAS, DARK_MATTER, STARS):
            n = len(file[f"PartType{kind}/Masses"])
            file[f"PartType{kind}/Potential"] = np.where(np.arange(n) == 7, -kind, 0.0) - 1.0
    deepest = galaxy.position[galaxy.kind == STARS][7]
    there = read_particles(path)
    np.testing.assert_allclose(
        there.position, np.concatenate([galaxy.position[galaxy.kind == k] for k in (0, 1, 4)]) - deepest, atol=1e-6
    )


def test_shrinking_sphere_finds_the_galaxy_and_not_its_neighbour():
    rng = np.random.default_rng(2)
    main = rng.standard_normal((20000, 3)) * rng.uniform(0, 5, (20000, 1)) + [10, -3, 2]
    other = rng.standard_normal((9000, 3)) + [60, 40, 0]
    centre = shrinking_sphere(np.concatenate([main, other]), np.ones(29000))
    np.testing.assert_allclose(centre, [10, -3, 2], atol=0.1)


def test_the_real_eagle_galaxy(shared_data):
    """Numbers counted in the file itself: 2447 dark particles of 6.5703e-4 in 1e10 Msun/h at h = 0.6777."""
    galaxy = read_particles(shared_data / EAGLE)
    assert np.bincount(galaxy.kind, minlength=6).tolist() == [0, 2447, 0, 0, 7524, 1]
    assert galaxy.masses[DARK_MATTER] == pytest.approx(2447 * 6.5703e6 / 0.6777, rel=1e-4)
    with h5py.File(shared_data / EAGLE) as file:
        stars = float(np.sum(file["PartType4/Mass"], dtype=float)) * 1e10 / 0.6777
        hole = float(file["PartType5/Mass"][0]) * 1e10 / 0.6777
        coordinates = np.asarray(file["PartType4/Coordinates"]) * 1e3 / 0.6777
    assert galaxy.masses[STARS] == pytest.approx(stars, rel=1e-6)
    assert galaxy.masses[BLACK_HOLES] == pytest.approx(hole, rel=1e-6)
    assert galaxy.redshift == pytest.approx(0, abs=1e-9)
    assert galaxy.softening == pytest.approx(0.70, abs=0.005)
    mine = galaxy.position[galaxy.kind == STARS]
    np.testing.assert_allclose(mine - mine[0], coordinates - coordinates[0], atol=1e-6)
    # the black hole sits in the centre of its galaxy
    assert np.linalg.norm(galaxy.position[galaxy.kind == BLACK_HOLES]) < galaxy.softening
    same = read_particles(shared_data / EAGLE, galaxy=(92, 9))
    assert len(same) == len(galaxy)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_particles(tmp_path / "missing.hdf5")
    (tmp_path / "text.hdf5").write_text("not a snapshot")
    with pytest.raises(InputError, match="not an HDF5 file"):
        read_particles(tmp_path / "text.hdf5")
    write_particles(tmp_path / "whole.hdf5", a_galaxy())
    data = (tmp_path / "whole.hdf5").read_bytes()
    (tmp_path / "cut.hdf5").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"cut\.hdf5: not an HDF5 file that can be read"):
        read_particles(tmp_path / "cut.hdf5")


def test_files_in_another_layout(tmp_path):
    path = tmp_path / "other.hdf5"
    with h5py.File(path, "w") as file:
        file["images"] = np.zeros((3, 3))
    with pytest.raises(InputError, match="neither EAGLE's nor IllustrisTNG's"):
        read_particles(path)
    with h5py.File(path, "w") as file:
        file.create_group("Header").attrs.update({"Redshift": 0.0, "HubbleParam": 0.7})
        file["PartType4/Coordinates"] = np.zeros((5, 3))
    with pytest.raises(InputError, match="no masses in PartType4"):
        read_particles(path)
    with h5py.File(path, "a") as file:
        file["PartType4/Masses"] = np.ones(4)
    with pytest.raises(InputError, match="differ in number"):
        read_particles(path)
    with h5py.File(path, "a") as file:
        del file["PartType4/Masses"], file["PartType4/Coordinates"]
        file["PartType4/Coordinates"], file["PartType4/Masses"] = np.zeros((0, 3)), np.zeros(0)
    with pytest.raises(InputError, match="no particles in it"):
        read_particles(path)
    with h5py.File(path, "a") as file:
        del file["PartType4/Masses"], file["PartType4/Coordinates"]
        file["PartType4/Coordinates"], file["PartType4/Masses"] = np.zeros((5, 3)), np.full(5, np.nan)
    with pytest.raises(InputError, match="not finite"):
        read_particles(path)
