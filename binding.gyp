{
  "variables": {
    # The static archive, so that the addon needs no liburing at run time. PIC in Debian, Ubuntu and Fedora.
    "liburing%": "-l:liburing.a"
  },
  "target_defaults": {
    "default_configuration": "Release"
  },
  "targets": [
    {
      "target_name": "gotgt_native",
      "sources": [
        "native/addon.cc",
        "native/js_ring.cc",
        "native/js_listener.cc",
        "native/js_file.cc",
        "native/js_sender.cc",
        "native/js_busy_poll.cc",
        "native/piece_sender.cc",
        "native/loop_resource.cc",
        "native/uring_queue.cc",
        "native/ring_setup.cc",
        "native/registered_files.cc",
        "native/inline_io.cc",
        "native/buffer_arena.cc",
        "native/listener.cc",
        "native/numa_node.cc",
        "native/file_call.cc",
        "native/crc32c.cc",
        "native/crc32c_fold.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NAPI_DISABLE_CPP_EXCEPTIONS", "NODE_ADDON_API_DISABLE_DEPRECATED"],
      "cflags": ["-Wall", "-Wextra", "-fvisibility=hidden"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": ["-std=c++17", "-Wno-unused-parameter", "-Wno-cast-function-type"],
      "ldflags": ["-Wl,--gc-sections", "-Wl,--exclude-libs,ALL"],
      "libraries": ["<(liburing)"]
    }
  ]
}
