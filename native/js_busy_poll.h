// The NativeBusyPoll of src/native/native-addon.ts: an event loop that polls instead of sleeping, for a while.
#pragma once

#include <napi.h>

namespace gotgt {

// createBusyPoll()
Napi::Value create_busy_poll(const Napi::CallbackInfo& info);

// The class behind NativeBusyPoll; kept by the addon, not exported.
Napi::Function define_busy_poll_class(Napi::Env env);

}  // namespace gotgt
