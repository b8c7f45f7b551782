# SPDX-License-Identifier: Apache-2.0
"""`import timm` beside a CPU build of torch. timm imports torchvision, whose wheel is built for CUDA and whose
compiled operators then do not load; its Python half only asks that their names exist. Import this before timm."""
import torch

if torch.version.cuda is None:
    _library = torch.library.Library("torchvision", "DEF")
    for _name in ("nms", "qnms", "roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool", "deform_conv2d",
                  "_roi_align_backward", "_roi_pool_backward", "_ps_roi_align_backward", "_ps_roi_pool_backward",
                  "_deform_conv2d_backward"):
        if not hasattr(torch.ops.torchvision, _name):
            _library.define(f"{_name}(Tensor x) -> Tensor")
