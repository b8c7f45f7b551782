// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <c10/core/DispatchKeySet.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

namespace shoplens {

/// While it lives, this thread's operations ignore autocast: matrix products stay in the type of
/// their arguments. For the few places where bfloat16's 8 bits are too few: powers, and cosines
/// that a margin loss multiplies by 45.
class FullPrecision {
 private:
  c10::impl::ExcludeDispatchKeyGuard guard_{c10::autocast_dispatch_keyset};
};

}  // namespace shoplens
