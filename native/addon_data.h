// What the addon keeps for one environment (a main thread or a worker), instead of static variables: each loads it
// again.
#pragma once

#include <napi.h>

namespace gotgt {

struct AddonData {
  Napi::FunctionReference ring_class;
  Napi::FunctionReference listener_class;
  Napi::FunctionReference sender_class;
  Napi::FunctionReference busy_poll_class;
};

}  // namespace gotgt
