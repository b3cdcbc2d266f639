#include "js_ring.h"

#include <uv.h>

#include <memory>
#include <utility>

#include "addon_data.h"
#include "file_call.h"
#include "loop_resource.h"
#include "napi_check.h"
#include "uring_queue.h"

namespace gotgt {

namespace {

constexpr napi_type_tag kArenaTag = {0x676f746774617265, 0x6e612d6d656d6f72};

// How soon a ring that the kernel had no memory for tries again.
constexpr uint64_t kBacklogRetryMs = 1;

using ArenaHolder = std::shared_ptr<BufferArena>;

void delete_arena_holder(napi_env, void* holder, void*) { delete static_cast<ArenaHolder*>(holder); }

// Null, with an exception thrown, when `object` is not what createArena returned.
ArenaHolder unwrap_arena(Napi::Env env, Napi::Object object) {
  bool is_arena = false;
  void* holder = nullptr;
  if (napi_check_object_type_tag(env, object, &kArenaTag, &is_arena) == napi_ok && is_arena &&
      napi_unwrap(env, object, &holder) == napi_ok) {
    return *static_cast<ArenaHolder*>(holder);
  }
  Napi::TypeError::New(env, "argument 1 is no arena").ThrowAsJavaScriptException();
  return nullptr;
}

// A UringQueue on the event loop: polls its descriptor, calls JavaScript once per batch, keeps the process alive while
// something is in flight and not longer. Of a ring whose completions have to be looked for, the loop does so at every
// turn and does not sleep, for as long as something is in flight.
class RingOnLoop final : public LoopResource {
 public:
  RingOnLoop(Napi::Env env, std::unique_ptr<UringQueue> queue, Napi::Function on_completions)
      : LoopResource(env),
        env_(env),
        queue_(std::move(queue)),
        callback_(std::make_shared<LoopCallback>(env, "gotgt:ring", on_completions)) {}

  int start(uv_loop_t* loop) {
    const int result = add_timer(loop, &retry_);
    if (result < 0) return result;
    return queue_->is_polled() ? add_idle(loop, &turn_) : start_poll(loop);
  }

  UringQueue& queue() { return *queue_; }

  int enter(uint32_t count) {
    if (is_closed()) return -EBADF;
    const int result = queue_->enter(count);
    after_reap();
    return result;
  }

  // One deferred fallocate came back from the thread pool.
  void finish_deferred(uint32_t token, int32_t result) {
    if (is_closed()) return;
    queue_->complete(token, result);
    wake();
  }

 protected:
  void on_close() override {
    queue_->drain();
    callback_.reset();
  }
  // The descriptor is closed only after the loop has forgotten it.
  void on_stopped() override { queue_.reset(); }

 private:
  template <typename Handle>
  static RingOnLoop* from(Handle* handle) {
    return static_cast<RingOnLoop*>(LoopResource::of(handle));
  }

  int start_poll(uv_loop_t* loop) {
    int result = add_poll(loop, &poll_, queue_->fd());
    if (result == 0) result = uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* poll, int, int) { from(poll)->wake(); });
    if (result == 0) uv_unref(reinterpret_cast<uv_handle_t*>(&poll_));
    return result;
  }

  void wake() {
    const int result = queue_->reap();
    after_reap();
    if (result == 0) return;
    Napi::HandleScope scope(env_);
    const std::shared_ptr<LoopCallback> callback = callback_;  // the call may close us
    callback->call({Napi::Number::New(env_, result)});
  }

  void after_reap() {
    const std::vector<RingSubmission> deferred = queue_->take_deferred();
    for (const RingSubmission& entry : deferred) run_deferred(entry);
    stay_awake(queue_->in_flight() > 0);
    if (!queue_->has_backlog()) return;
    uv_timer_start(
        &retry_, [](uv_timer_t* timer) { from(timer)->wake(); }, kBacklogRetryMs, 0);
  }

  // Of a ring that is polled the loop goes on turning; any other keeps the process alive.
  void stay_awake(bool is_busy) {
    uv_handle_t* const poll = reinterpret_cast<uv_handle_t*>(&poll_);
    if (queue_->is_polled() && is_busy) {
      uv_idle_start(&turn_, [](uv_idle_t* turn) { from(turn)->wake(); });
    } else if (queue_->is_polled()) {
      uv_idle_stop(&turn_);
    } else if (is_busy) {
      uv_ref(poll);
    } else {
      uv_unref(poll);
    }
  }

  void run_deferred(const RingSubmission& entry);

  Napi::Env env_;
  std::unique_ptr<UringQueue> queue_;
  std::shared_ptr<LoopCallback> callback_;
  uv_poll_t poll_;  // of a ring that is not polled
  uv_idle_t turn_;  // of one that is
  uv_timer_t retry_;
};

// fallocate for a kernel whose ring does not have it.
class DeferredFallocate final : public PoolWork {
 public:
  DeferredFallocate(RingOnLoop* ring, const RingSubmission& entry) : PoolWork(ring), ring_(ring), entry_(entry) {}

 protected:
  void run() override {
    result_ = allocate_range(entry_.fd, fallocate_mode(static_cast<RingOp>(entry_.opcode)),
                             static_cast<uint64_t>(entry_.offset), static_cast<uint64_t>(entry_.argument));
  }
  void finish(bool was_run) override {
    ring_->finish_deferred(entry_.token, was_run ? static_cast<int32_t>(result_) : -ECANCELED);
  }

 private:
  RingOnLoop* ring_;
  RingSubmission entry_;
  int64_t result_ = 0;
};

void RingOnLoop::run_deferred(const RingSubmission& entry) {
  if (!PoolWork::start(env_, std::make_unique<DeferredFallocate>(this, entry))) {
    queue_->complete(entry.token, -ENOMEM);
    uv_timer_start(
        &retry_, [](uv_timer_t* timer) { from(timer)->wake(); }, kBacklogRetryMs, 0);
  }
}

class RingObject final : public Napi::ObjectWrap<RingObject> {
 public:
  // Takes what open_ring gives it, nothing else.
  explicit RingObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<RingObject>(info) {
    if (info[0].IsExternal()) {
      ring_ = info[0].As<Napi::External<RingOnLoop>>().Data();
    } else {
      Napi::TypeError::New(info.Env(), "rings are made by openRing").ThrowAsJavaScriptException();
    }
  }

  ~RingObject() override {
    if (ring_ != nullptr) LoopResource::release(ring_);
  }

  Napi::Value enter(const Napi::CallbackInfo& info) {
    const uint32_t count = info[0].As<Napi::Number>().Uint32Value();
    return Napi::Number::New(info.Env(), ring_->enter(count));
  }

  Napi::Value in_flight(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), ring_->is_closed() ? 0 : ring_->queue().in_flight());
  }

  Napi::Value register_arena(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), ring_->is_closed() ? -EBADF : ring_->queue().register_arena());
  }

  Napi::Value register_file(const Napi::CallbackInfo& info) {
    Arguments arguments(info);
    const int fd = arguments.fd(0);
    if (!arguments.ok()) return arguments.fail();
    return Napi::Number::New(info.Env(), ring_->is_closed() ? -EBADF : ring_->queue().files().add(fd));
  }

  Napi::Value unregister_file(const Napi::CallbackInfo& info) {
    Arguments arguments(info);
    const uint32_t index = arguments.u32(0);
    if (!arguments.ok()) return arguments.fail();
    return Napi::Number::New(info.Env(), ring_->is_closed() ? 0 : ring_->queue().files().remove(index));
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    ring_->close();
    return info.Env().Undefined();
  }

 private:
  RingOnLoop* ring_ = nullptr;
};

Napi::Object describe(Napi::Env env, const RingFeatures& features) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("hasPlainReadWrite", features.has_plain_read_write);
  object.Set("hasFallocate", features.has_fallocate);
  object.Set("hasCancel", features.has_cancel);
  object.Set("setupFlags", features.setup_flags);
  object.Set("filesMax", features.files_max);
  object.Set("sqPollRefusal", features.sq_poll_refusal);
  return object;
}

// An ArrayBuffer over one of the ring's arrays; the memory stays for as long as it.
template <typename Entry>
Napi::Value share(Napi::Env env, const std::shared_ptr<RingMemory>& memory, std::vector<Entry>& entries) {
  auto holder = std::make_unique<std::shared_ptr<RingMemory>>(memory);
  return Napi::ArrayBuffer::New(
      env, entries.data(), entries.size() * sizeof(Entry),
      [](Napi::BasicEnv, void*, std::shared_ptr<RingMemory>* held) { delete held; }, holder.release());
}

Napi::Value make_ring_object(Napi::Env env, RingOnLoop* ring) {
  AddonData* const data = env.GetInstanceData<AddonData>();
  Napi::Object object = data->ring_class.New({Napi::External<RingOnLoop>::New(env, ring)});
  if (object.IsEmpty()) {
    LoopResource::release(ring);
    return env.Undefined();
  }
  UringQueue& queue = ring->queue();
  object.Set("depth", queue.depth());
  object.Set("features", describe(env, queue.features()));
  object.Set("submissions", share(env, queue.memory(), queue.memory()->submissions));
  object.Set("completions", share(env, queue.memory(), queue.memory()->completions));
  return object;
}

}  // namespace

Napi::Value create_arena(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Arguments arguments(info);
  ArenaRequest request;
  request.bytes = static_cast<size_t>(arguments.number(0, 1, Arguments::kSafeIntegerMax));
  if (!arguments.ok()) return arguments.fail();
  if (info[1].IsObject()) {
    const Napi::Object options = info[1].As<Napi::Object>();
    const Napi::Value node = options.Get("numaNode");
    if (node.IsNumber()) request.numa_node = node.As<Napi::Number>().Int32Value();
    request.huge_pages = options.Get("hugePages").ToBoolean();
  }
  const ArenaHolder arena = BufferArena::create(request);
  if (!arena) {
    Napi::RangeError::New(env, "no memory for an arena of " + std::to_string(request.bytes) + " bytes")
        .ThrowAsJavaScriptException();
    return env.Undefined();
  }

  Napi::Object object = Napi::Object::New(env);
  auto for_object = std::make_unique<ArenaHolder>(arena);
  if (napi_wrap(env, object, for_object.get(), delete_arena_holder, nullptr, nullptr) != napi_ok ||
      napi_type_tag_object(env, object, &kArenaTag) != napi_ok) {
    return env.Undefined();
  }
  for_object.release();
  auto for_buffer = std::make_unique<ArenaHolder>(arena);
  object.Set("memory", Napi::Buffer<char>::New(
                           env, arena->data(), arena->bytes(),
                           [](Napi::BasicEnv, char*, ArenaHolder* held) { delete held; }, for_buffer.release()));
  object.Set("numaNode", arena->numa_node());
  object.Set("hasHugePages", arena->has_huge_pages());
  object.Set("reason", arena->reason().empty() ? env.Null() : Napi::Value(Napi::String::New(env, arena->reason())));
  return object;
}

Napi::Value open_ring(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Arguments arguments(info);
  const Napi::Object arena_object = arguments.object(0);
  const Napi::Object options_object = arguments.object(1);
  const Napi::Function on_completions = arguments.function(2);
  if (!arguments.ok()) return arguments.fail();
  const ArenaHolder arena = unwrap_arena(env, arena_object);
  if (!arena) return env.Undefined();

  RingOptions options;
  options.depth = options_object.Get("depth").ToNumber().Uint32Value();
  options.base_ops_only = options_object.Get("baseOpsOnly").ToBoolean();
  const Napi::Value idle = options_object.Get("sqPollIdleMs");
  if (idle.IsNumber()) options.sq_poll_idle_ms = idle.As<Napi::Number>().Uint32Value();
  options.is_polled = options_object.Get("isPolled").ToBoolean();
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return Napi::Number::New(env, -ENOTSUP);
  std::unique_ptr<UringQueue> queue;
  int result = UringQueue::open(options, arena, &queue);
  if (result < 0) return Napi::Number::New(env, result);

  RingOnLoop* const ring = new RingOnLoop(env, std::move(queue), on_completions);
  result = ring->start(loop);
  if (result == 0) return make_ring_object(env, ring);
  LoopResource::release(ring);
  return Napi::Number::New(env, result);
}

Napi::Function define_ring_class(Napi::Env env) {
  return RingObject::DefineClass(env, "NativeRing",
                                 {
                                     RingObject::InstanceMethod<&RingObject::enter>("enter"),
                                     RingObject::InstanceMethod<&RingObject::in_flight>("inFlight"),
                                     RingObject::InstanceMethod<&RingObject::register_arena>("registerArena"),
                                     RingObject::InstanceMethod<&RingObject::register_file>("registerFile"),
                                     RingObject::InstanceMethod<&RingObject::unregister_file>("unregisterFile"),
                                     RingObject::InstanceMethod<&RingObject::close>("close"),
                                 });
}

}  // namespace gotgt
