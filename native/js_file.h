// The file calls of src/native/native-addon.ts.
#pragma once

#include <napi.h>

namespace gotgt {

// On the thread pool, with a callback.
Napi::Value fallocate_file(const Napi::CallbackInfo& info);
Napi::Value write_file_dsync(const Napi::CallbackInfo& info);
Napi::Value copy_file_data(const Napi::CallbackInfo& info);
Napi::Value seek_file_data(const Napi::CallbackInfo& info);
Napi::Value seek_file_hole(const Napi::CallbackInfo& info);

// At once.
Napi::Value flock_file(const Napi::CallbackInfo& info);
Napi::Value unlock_opened_file(const Napi::CallbackInfo& info);
Napi::Value get_block_device_size(const Napi::CallbackInfo& info);
Napi::Value get_direct_alignment(const Napi::CallbackInfo& info);

}  // namespace gotgt
