// The NativeArena and NativeRing of src/native/native-addon.ts: BufferArena and UringQueue as JavaScript objects.
#pragma once

#include <napi.h>

namespace gotgt {

// createArena(lengthBytes, options?)
Napi::Value create_arena(const Napi::CallbackInfo& info);

// openRing(arena, options, onCompletions)
Napi::Value open_ring(const Napi::CallbackInfo& info);

// The class behind NativeRing; kept by the addon, not exported.
Napi::Function define_ring_class(Napi::Env env);

}  // namespace gotgt
