#include "js_file.h"

#include <errno.h>

#include <memory>
#include <utility>

#include "file_call.h"
#include "loop_resource.h"
#include "napi_check.h"

namespace gotgt {

namespace {

struct FileCall {
  enum class Kind { kFallocate, kWriteDsync, kCopyRange, kSeekData, kSeekHole };

  Kind kind;
  int fd = -1;
  int mode = 0;
  uint64_t offset = 0;
  uint64_t bytes = 0;
  const uint8_t* data = nullptr;
  int source_fd = -1;
  uint64_t source_offset = 0;
  bool may_punch = false;

  int64_t run() const {
    switch (kind) {
      case Kind::kFallocate:
        return allocate_range(fd, mode, offset, bytes);
      case Kind::kWriteDsync:
        return write_dsync(fd, data, bytes, offset);
      case Kind::kCopyRange:
        return copy_range(source_fd, source_offset, fd, offset, bytes, may_punch);
      case Kind::kSeekData:
        return seek_data(fd, offset);
      case Kind::kSeekHole:
        return seek_hole(fd, offset);
    }
    return -EINVAL;
  }
};

class FileWork final : public PoolWork {
 public:
  FileWork(Napi::Env env, const FileCall& call, Napi::Function callback)
      : PoolWork(nullptr), env_(env), call_(call), callback_(env, "gotgt:file", callback) {}

  // Memory the call reads stays until it is done.
  void hold(Napi::Object bytes) { bytes_ = Napi::Persistent(bytes); }

 protected:
  void run() override { result_ = call_.run(); }
  void finish(bool was_run) override {
    Napi::HandleScope scope(env_);
    callback_.call({Napi::Number::New(env_, was_run ? static_cast<double>(result_) : -ECANCELED)});
  }

 private:
  Napi::Env env_;
  FileCall call_;
  LoopCallback callback_;
  Napi::ObjectReference bytes_;
  int64_t result_ = 0;
};

Napi::Value queue(Napi::Env env, std::unique_ptr<FileWork> work) {
  if (!PoolWork::start(env, std::move(work))) {
    Napi::Error::New(env, "the thread pool takes no work").ThrowAsJavaScriptException();
  }
  return env.Undefined();
}

Napi::Value seek(const Napi::CallbackInfo& info, FileCall::Kind kind) {
  Arguments arguments(info);
  FileCall call{kind};
  call.fd = arguments.fd(0);
  call.offset = arguments.offset(1);
  const Napi::Function callback = arguments.function(2);
  if (!arguments.ok()) return arguments.fail();
  return queue(info.Env(), std::make_unique<FileWork>(info.Env(), call, callback));
}

}  // namespace

Napi::Value fallocate_file(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  FileCall call{FileCall::Kind::kFallocate};
  call.fd = arguments.fd(0);
  call.mode = static_cast<int>(arguments.number(1, 0, INT32_MAX));
  call.offset = arguments.offset(2);
  call.bytes = arguments.offset(3);
  const Napi::Function callback = arguments.function(4);
  if (!arguments.ok()) return arguments.fail();
  return queue(info.Env(), std::make_unique<FileWork>(info.Env(), call, callback));
}

Napi::Value write_file_dsync(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  FileCall call{FileCall::Kind::kWriteDsync};
  call.fd = arguments.fd(0);
  call.bytes = arguments.offset(3);
  call.data = arguments.bytes(1, arguments.offset(2), call.bytes);
  call.offset = arguments.offset(4);
  const Napi::Function callback = arguments.function(5);
  if (!arguments.ok()) return arguments.fail();
  auto work = std::make_unique<FileWork>(info.Env(), call, callback);
  work->hold(info[1].As<Napi::Object>());
  return queue(info.Env(), std::move(work));
}

Napi::Value copy_file_data(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  FileCall call{FileCall::Kind::kCopyRange};
  call.source_fd = arguments.fd(0);
  call.source_offset = arguments.offset(1);
  call.fd = arguments.fd(2);
  call.offset = arguments.offset(3);
  call.bytes = arguments.offset(4);
  call.may_punch = info[5].ToBoolean();
  const Napi::Function callback = arguments.function(6);
  if (!arguments.ok()) return arguments.fail();
  return queue(info.Env(), std::make_unique<FileWork>(info.Env(), call, callback));
}

Napi::Value seek_file_data(const Napi::CallbackInfo& info) { return seek(info, FileCall::Kind::kSeekData); }

Napi::Value seek_file_hole(const Napi::CallbackInfo& info) { return seek(info, FileCall::Kind::kSeekHole); }

Napi::Value flock_file(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.fd(0);
  if (!arguments.ok()) return arguments.fail();
  return Napi::Number::New(info.Env(), lock_file(fd, info[1].ToBoolean()));
}

Napi::Value unlock_opened_file(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.fd(0);
  if (!arguments.ok()) return arguments.fail();
  return Napi::Number::New(info.Env(), unlock_file(fd));
}

Napi::Value get_block_device_size(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Arguments arguments(info);
  const int fd = arguments.fd(0);
  if (!arguments.ok()) return arguments.fail();
  BlockDeviceSize size;
  const int result = block_device_size(fd, &size);
  if (result < 0) return Napi::Number::New(env, result);
  Napi::Object object = Napi::Object::New(env);
  object.Set("sizeBytes", static_cast<double>(size.bytes));
  object.Set("logicalBlockBytes", size.logical_block_bytes);
  object.Set("physicalBlockBytes", size.physical_block_bytes);
  return object;
}

Napi::Value get_direct_alignment(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Arguments arguments(info);
  const int fd = arguments.fd(0);
  if (!arguments.ok()) return arguments.fail();
  DirectAlignment alignment;
  const int result = direct_alignment(fd, &alignment);
  if (result < 0) return Napi::Number::New(env, result);
  Napi::Object object = Napi::Object::New(env);
  object.Set("memoryBytes", alignment.memory_bytes);
  object.Set("offsetBytes", alignment.offset_bytes);
  return object;
}

}  // namespace gotgt
