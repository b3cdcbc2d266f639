#include "loop_resource.h"

#include <utility>

namespace gotgt {

LoopResource::LoopResource(napi_env env) {
  // Without the hook (only when memory is short) an environment that stops early would leave the handles to the loop.
  napi_add_async_cleanup_hook(
      env, [](napi_async_cleanup_hook_handle, void* data) { static_cast<LoopResource*>(data)->close(); }, this, &hook_);
}

void LoopResource::close() {
  if (is_closed_) return;
  is_closed_ = true;
  on_close();
  for (int i = 0; i < handle_count_; i++) {
    uv_close(handles_[i], [](uv_handle_t* handle) {
      LoopResource* const resource = of(handle);
      resource->open_handles_--;
      resource->settle();
    });
  }
  settle();
}

void LoopResource::release(LoopResource* resource) {
  resource->is_released_ = true;
  if (resource->is_stopped_) {
    delete resource;
  } else {
    resource->close();
  }
}

void LoopResource::end_work() {
  works_--;
  settle();
}

int LoopResource::add_poll(uv_loop_t* loop, uv_poll_t* poll, int fd) {
  const int result = uv_poll_init(loop, poll, fd);
  if (result == 0) add(reinterpret_cast<uv_handle_t*>(poll));
  return result;
}

int LoopResource::add_timer(uv_loop_t* loop, uv_timer_t* timer) {
  const int result = uv_timer_init(loop, timer);
  if (result == 0) add(reinterpret_cast<uv_handle_t*>(timer));
  return result;
}

int LoopResource::add_idle(uv_loop_t* loop, uv_idle_t* idle) {
  const int result = uv_idle_init(loop, idle);
  if (result == 0) add(reinterpret_cast<uv_handle_t*>(idle));
  return result;
}

void LoopResource::add(uv_handle_t* handle) {
  handle->data = this;
  handles_[handle_count_++] = handle;
  open_handles_++;
}

// Stops, and deletes, once nothing refers to it any more.
void LoopResource::settle() {
  if (!is_closed_ || is_stopped_ || open_handles_ > 0 || works_ > 0) return;
  is_stopped_ = true;
  on_stopped();
  if (hook_ != nullptr) napi_remove_async_cleanup_hook(std::exchange(hook_, nullptr));
  if (is_released_) delete this;
}

bool PoolWork::start(napi_env env, std::unique_ptr<PoolWork> work) {
  napi_value name;
  PoolWork* const raw = work.get();
  const auto execute = [](napi_env, void* data) { static_cast<PoolWork*>(data)->run(); };
  const auto complete = [](napi_env complete_env, napi_status status, void* data) {
    const std::unique_ptr<PoolWork> done(static_cast<PoolWork*>(data));
    napi_delete_async_work(complete_env, done->work_);
    done->finish(status == napi_ok);
    if (done->resource_ != nullptr) done->resource_->end_work();
  };
  if (napi_create_string_utf8(env, "gotgt:pool", NAPI_AUTO_LENGTH, &name) != napi_ok) return false;
  if (napi_create_async_work(env, nullptr, name, execute, complete, raw, &raw->work_) != napi_ok) return false;
  if (napi_queue_async_work(env, raw->work_) != napi_ok) {
    napi_delete_async_work(env, raw->work_);
    return false;
  }
  work.release();
  if (raw->resource_ != nullptr) raw->resource_->begin_work();
  return true;
}

}  // namespace gotgt
