// The NativeListener of src/native/native-addon.ts: Listener as a JavaScript object.
#pragma once

#include <napi.h>

namespace gotgt {

// listen(options, onConnection, onError)
Napi::Value listen_on(const Napi::CallbackInfo& info);

// The class behind NativeListener; kept by the addon, not exported.
Napi::Function define_listener_class(Napi::Env env);

}  // namespace gotgt
