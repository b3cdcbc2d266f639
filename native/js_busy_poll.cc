#include "js_busy_poll.h"

#include <errno.h>
#include <uv.h>

#include "addon_data.h"
#include "loop_resource.h"
#include "napi_check.h"

namespace gotgt {

namespace {

// While its idle handle is active the loop asks the kernel without waiting (uv_backend_timeout is 0) and goes round.
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
    turns_ = 0;
    end_ns_ = uv_hrtime() + duration_ns;
    uv_idle_start(&idle_, [](uv_idle_t* idle) { static_cast<BusyPollOnLoop*>(LoopResource::of(idle))->turn(); });
  }

  // Since poll_for; kRunOut when its time is over.
  int32_t turns() const { return turns_; }

 protected:
  void on_close() override { uv_idle_stop(&idle_); }
  void on_stopped() override {}

 private:
  void turn() {
    turns_++;
    if (uv_hrtime() < end_ns_) return;
    turns_ = kRunOut;
    uv_idle_stop(&idle_);
  }

  static constexpr int32_t kRunOut = -1;

  uv_idle_t idle_;
  uint64_t end_ns_ = 0;
  int32_t turns_ = kRunOut;
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

  Napi::Value turns(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), poll_->turns()); }

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
                                         BusyPollObject::InstanceMethod<&BusyPollObject::turns>("turns"),
                                         BusyPollObject::InstanceMethod<&BusyPollObject::close>("close"),
                                     });
}

}  // namespace gotgt
