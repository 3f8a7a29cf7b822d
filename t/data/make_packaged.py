#!/usr/bin/python3
"""make_packaged.py DIRECTORY: real data out of Debian packages, as .npy files.

camera.npy, retina.npy    python3-skimage    8-bit images
ecg.npy                   python3-scipy      an electrocardiogram
bell.npy, voice.npy       sound-theme-freedesktop, decoded by vorbis-tools
co2.npy, digits.npy       python3-statsmodels, python3-sklearn; both are in
                          this directory as well

A file that is there already is left alone.  README.md has sources and licences.
"""

import io
import os
import subprocess
import sys
import warnings
import wave

import numpy as np

SOUNDS = "/usr/share/sounds/freedesktop/stereo"


def sound(name):
    """Samples x channels, 16 bits."""
    done = subprocess.run(["oggdec", "--quiet", "--output", "-",
                           os.path.join(SOUNDS, name + ".oga")],
                          stdout=subprocess.PIPE, check=True)
    # the decoder cannot go back to write a length: whatever follows the
    # header of 44 bytes is samples
    head = io.BytesIO(done.stdout[:44])
    with wave.open(head) as w:
        channels, width = w.getnchannels(), w.getsampwidth()
    if width != 2:
        raise ValueError(f"{name}: {8 * width} bits")
    return np.frombuffer(done.stdout[44:], "<i2").reshape(-1, channels)


def camera():
    import skimage.data
    return skimage.data.camera()


def retina():
    import skimage.data
    return skimage.data.retina()[:, :, 1]       # green: the one with contrast


def ecg():
    import scipy.misc
    with warnings.catch_warnings():             # "will move", says 1.10
        warnings.simplefilter("ignore", DeprecationWarning)
        return scipy.misc.electrocardiogram()


def co2():
    from statsmodels.datasets import co2 as data
    return data.load_pandas().data["co2"].to_numpy(dtype="<f8")


def digits():
    from sklearn.datasets import load_digits
    return load_digits().data.astype("<u1")


MAKERS = {
    "camera": camera, "retina": retina, "ecg": ecg, "co2": co2,
    "digits": digits, "bell": lambda: sound("bell"),
    "voice": lambda: sound("audio-channel-front-center"),
}


def main():
    place = sys.argv[1]
    for name, make in MAKERS.items():
        path = os.path.join(place, name + ".npy")
        if not os.path.exists(path):
            np.save(path + ".part.npy", np.ascontiguousarray(make()))
            os.rename(path + ".part.npy", path)


if __name__ == "__main__":
    main()
