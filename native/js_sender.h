// The NativeSender of src/native/native-addon.ts: PieceSender as a JavaScript object.
#pragma once

#include <napi.h>

namespace gotgt {

// createSender(memories)
Napi::Value create_sender(const Napi::CallbackInfo& info);

// The class behind NativeSender; kept by the addon, not exported.
Napi::Function define_sender_class(Napi::Env env);

}  // namespace gotgt
