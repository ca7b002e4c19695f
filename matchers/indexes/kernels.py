"""The compiled inner loops of the Hamming indexes.

numba has no types of its own: each kernel keeps its Python signature.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray
