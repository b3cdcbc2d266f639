#include "js_busy_poll.h"

#include <errno.h>
#include <poll.h>
#include <uv.h>

#include <algorithm>

#include "addon_data.h"
#include "loop_resource.h"
#include "napi_check.h"

namespace gotgt {

namespace {

// A turn of Node's loop leaves some 56 bytes to collect, whatever it finds: so not every look at the kernel is a turn.
constexpr uint64_t kLooksNs = 50'000;
// A turn that took longer has had something to do: there may be more, or descriptors that the kernel does not watch
// yet.
constexpr uint64_t kEmptyTurnNs = 2'000;

// While its idle handle is active the loop asks the kernel without waiting (uv_backend_timeout is 0) and goes round. A
// turn that follows an empty one looks by itself until there is something, for kLooksNs at most: timers wait no longer
// than that.
class BusyPollOnLoop final : public LoopResource {
 public:
  explicit BusyPollOnLoop(Napi::Env env) : LoopResource(env) {}

  int start(uv_loop_t* loop) {
    const int result = add_idle(loop, &idle_);
    if (result == 0) uv_unref(reinterpret_cast<uv_handle_t*>(&idle_));
    return result;
  }

  void poll_for(uint64_t duration_ns) {
    if (is_closed()) return;
    looks_ = 0;
    looked_until_ns_ = 0;
    end_ns_ = uv_hrtime() + duration_ns;
    uv_idle_start(&idle_, [](uv_idle_t* idle) { static_cast<BusyPollOnLoop*>(LoopResource::of(idle))->turn(); });
  }

  // In vain, since poll_for; kRunOut when its time is over.
  int32_t looks() const { return looks_; }

 protected:
  void on_close() override { uv_idle_stop(&idle_); }
  void on_stopped() override {}

 private:
  void turn() {
    looks_++;
    uint64_t now_ns = uv_hrtime();
    if (now_ns - looked_until_ns_ < kEmptyTurnNs) now_ns = look(now_ns);
    looked_until_ns_ = now_ns;
    if (now_ns < end_ns_) return;
    looks_ = kRunOut;
    uv_idle_stop(&idle_);
  }

  // Until the loop's poll would find something, or long enough. Returns the time.
  uint64_t look(uint64_t now_ns) {
    const uint64_t until_ns = std::min(end_ns_, now_ns + kLooksNs);
    pollfd loop = {uv_backend_fd(idle_.loop), POLLIN, 0};
    while (now_ns < until_ns && ::poll(&loop, 1, 0) == 0) {
      looks_++;
      now_ns = uv_hrtime();
    }
    return now_ns;
  }

  static constexpr int32_t kRunOut = -1;

  uv_idle_t idle_;
  uint64_t end_ns_ = 0;
  uint64_t looked_until_ns_ = 0;
  int32_t looks_ = kRunOut;
};

class BusyPollObject final : public Napi::ObjectWrap<BusyPollObject> {
 public:
  // Takes what create_busy_poll gives it, nothing else.
  explicit BusyPollObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<BusyPollObject>(info) {
    if (info[0].IsExternal()) {
      poll_ = info[0].As<Napi::External<BusyPollOnLoop>>().Data();
    } else {
      Napi::TypeError::New(info.Env(), "they are made by createBusyPoll").ThrowAsJavaScriptException();
    }
  }

  ~BusyPollObject() override {
    if (poll_ != nullptr) LoopResource::release(poll_);
  }

  Napi::Value poll_for(const Napi::CallbackInfo& info) {
    const uint64_t microseconds = info[0].As<Napi::Number>().Uint32Value();
    poll_->poll_for(microseconds * 1000);
    return info.Env().Undefined();
  }

  Napi::Value looks(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), poll_->looks()); }

  Napi::Value close(const Napi::CallbackInfo& info) {
    poll_->close();
    return info.Env().Undefined();
  }

 private:
  BusyPollOnLoop* poll_ = nullptr;
};

}  // namespace

Napi::Value create_busy_poll(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return Napi::Number::New(env, -ENOTSUP);
  BusyPollOnLoop* const poll = new BusyPollOnLoop(env);
  const int result = poll->start(loop);
  if (result == 0) {
    Napi::Object object =
        env.GetInstanceData<AddonData>()->busy_poll_class.New({Napi::External<BusyPollOnLoop>::New(env, poll)});
    if (!object.IsEmpty()) return object;
  }
  LoopResource::release(poll);
  return Napi::Number::New(env, result);
}

Napi::Function define_busy_poll_class(Napi::Env env) {
  return BusyPollObject::DefineClass(env, "NativeBusyPoll",
                                     {
                                         BusyPollObject::InstanceMethod<&BusyPollObject::poll_for>("pollFor"),
                                         BusyPollObject::InstanceMethod<&BusyPollObject::looks>("looks"),
                                         BusyPollObject::InstanceMethod<&BusyPollObject::close>("close"),
                                     });
}

}  // namespace gotgt
