// The border to JavaScript: reading arguments and calling back, with each status checked and at most one exception
// thrown. Only js_*.cc and addon.cc include this; everything else is plain C++.
#pragma once

#include <napi.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace gotgt {

// Reads the arguments of one call. After the first that is not what it should be, the rest read as zero, and fail()
// throws.
class Arguments {
 public:
  explicit Arguments(const Napi::CallbackInfo& info) : info_(info) {}

  // A whole number within [low, high].
  double number(size_t index, double low, double high) {
    if (!info_[index].IsNumber()) return reject(index, "is no number");
    const double value = info_[index].As<Napi::Number>().DoubleValue();
    if (!(value >= low && value <= high) || value != std::floor(value)) return reject(index, "is out of range");
    return value;
  }

  int fd(size_t index) { return static_cast<int>(number(index, 0, INT32_MAX)); }
  uint64_t offset(size_t index) { return static_cast<uint64_t>(number(index, 0, kSafeIntegerMax)); }
  uint32_t u32(size_t index) { return static_cast<uint32_t>(number(index, 0, UINT32_MAX)); }

  Napi::Function function(size_t index) {
    if (!info_[index].IsFunction()) reject(index, "is no function");
    return ok() ? info_[index].As<Napi::Function>() : Napi::Function();
  }

  Napi::Object object(size_t index) {
    if (!info_[index].IsObject()) reject(index, "is no object");
    return ok() ? info_[index].As<Napi::Object>() : Napi::Object();
  }

  Napi::Array array(size_t index) {
    if (!info_[index].IsArray()) reject(index, "is no array");
    return ok() ? info_[index].As<Napi::Array>() : Napi::Array();
  }

  // `bytes` of a Uint8Array from `offset`; null when they do not lie in it. Borrowed.
  uint8_t* bytes(size_t index, uint64_t offset, uint64_t bytes) {
    napi_typedarray_type type;
    size_t length = 0;
    void* data = nullptr;
    bool is_typed_array = false;
    napi_is_typedarray(info_.Env(), info_[index], &is_typed_array);
    if (!is_typed_array ||
        napi_get_typedarray_info(info_.Env(), info_[index], &type, &length, &data, nullptr, nullptr) != napi_ok ||
        type != napi_uint8_array) {
      reject(index, "is no Uint8Array");
      return nullptr;
    }
    if (offset > length || bytes > length - offset) {
      reject(index, "is too short");
      return nullptr;
    }
    return static_cast<uint8_t*>(data) + offset;
  }

  bool ok() const { return error_.empty(); }

  // Throws what went wrong. Returns undefined, for the caller to return.
  Napi::Value fail() const {
    Napi::TypeError::New(info_.Env(), error_).ThrowAsJavaScriptException();
    return info_.Env().Undefined();
  }

  static constexpr double kSafeIntegerMax = 9007199254740991.0;

 private:
  double reject(size_t index, const char* what) {
    if (ok()) error_ = "argument " + std::to_string(index + 1) + " " + what;
    return 0;
  }

  const Napi::CallbackInfo& info_;
  std::string error_;
};

// A JavaScript function that the event loop calls. What it throws becomes an uncaught exception, as from any callback.
class LoopCallback {
 public:
  LoopCallback(Napi::Env env, const char* name, Napi::Function function)
      : env_(env), context_(env, name), function_(Napi::Persistent(function)) {}
  LoopCallback(const LoopCallback&) = delete;
  LoopCallback& operator=(const LoopCallback&) = delete;

  // In a HandleScope of the caller. process.nextTick and promises run before the outermost such call returns.
  void call(const std::vector<napi_value>& arguments) const {
    napi_value result;
    const napi_status status = napi_make_callback(env_, context_, env_.Global(), function_.Value(), arguments.size(),
                                                  arguments.data(), &result);
    if (status == napi_ok) return;
    // An environment that is stopping runs no JavaScript: then nothing is pending, and nobody is left to hear.
    bool is_pending = false;
    napi_is_exception_pending(env_, &is_pending);
    if (!is_pending) return;
    napi_value exception;
    if (napi_get_and_clear_last_exception(env_, &exception) == napi_ok) napi_fatal_exception(env_, exception);
  }

 private:
  Napi::Env env_;
  Napi::AsyncContext context_;
  Napi::FunctionReference function_;
};

}  // namespace gotgt
