"""Rewrites of deformable convolutions (DCN, DCNv2): one strategy a file.

Dai et al., "Deformable Convolutional Networks" (ICCV 2017); Zhu et al., "Deformable ConvNets v2"
(CVPR 2019), whose equation 1 is what every strategy computes or approximates:

    y(p) = sum_k  w_k * m_k(p) * x(p + p_k + offset_k(p))

with x bilinear between pixels and zero outside the image.
"""

from .deform_layer import DeformLayer
from .exposed import expose, exposing, is_exposed
from .geometry import Geometry
from .recognise import describe
from .statistics import OffsetStatistics, statistics

__all__ = [
    "DeformLayer",
    "Geometry",
    "OffsetStatistics",
    "describe",
    "expose",
    "exposing",
    "is_exposed",
    "statistics",
]
