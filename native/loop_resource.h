// What an environment owns on its event loop: libuv handles and thread-pool work that must end before the memory below
// them goes. An end comes from close(), from the garbage collector or from the environment stopping with all of it at
// work.
#pragma once

#include <node_api.h>
#include <uv.h>

#include <memory>

namespace gotgt {

class LoopResource {
 public:
  LoopResource(const LoopResource&) = delete;
  LoopResource& operator=(const LoopResource&) = delete;

  // Ends it: on_close() at once, on_stopped() once the loop has let go of the handles and the thread pool of the work.
  void close();
  bool is_closed() const { return is_closed_; }

  // Its owner has gone: it closes and deletes itself.
  static void release(LoopResource* resource);

  void begin_work() { works_++; }
  void end_work();

 protected:
  explicit LoopResource(napi_env env);
  virtual ~LoopResource() = default;

  virtual void on_close() = 0;
  virtual void on_stopped() = 0;

  // Handles are members of the subclass. 0 or a negative errno.
  int add_poll(uv_loop_t* loop, uv_poll_t* poll, int fd);
  int add_timer(uv_loop_t* loop, uv_timer_t* timer);
  int add_idle(uv_loop_t* loop, uv_idle_t* idle);

  template <typename Handle>
  static LoopResource* of(const Handle* handle) {
    return static_cast<LoopResource*>(handle->data);
  }

 private:
  static constexpr int kHandlesMax = 2;

  void add(uv_handle_t* handle);
  void settle();

  napi_async_cleanup_hook_handle hook_ = nullptr;
  uv_handle_t* handles_[kHandlesMax] = {};
  int handle_count_ = 0;
  int open_handles_ = 0;
  int works_ = 0;
  bool is_closed_ = false;
  bool is_stopped_ = false;
  bool is_released_ = false;
};

// One call for libuv's thread pool. run() is called there and touches nothing of JavaScript; finish() on the loop.
class PoolWork {
 public:
  virtual ~PoolWork() = default;
  PoolWork(const PoolWork&) = delete;
  PoolWork& operator=(const PoolWork&) = delete;

  // False when it could not be queued: neither run() nor finish() comes.
  static bool start(napi_env env, std::unique_ptr<PoolWork> work);

 protected:
  // `resource`, when not null, waits for this work before it stops.
  explicit PoolWork(LoopResource* resource) : resource_(resource) {}

  virtual void run() = 0;
  virtual void finish(bool was_run) = 0;

 private:
  LoopResource* resource_;
  napi_async_work work_ = nullptr;
};

}  // namespace gotgt
