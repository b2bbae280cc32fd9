{
  # The same sources as native/CMakeLists.txt, for whoever has node-gyp but no CMake.
  "targets": [
    {
      "target_name": "corral",
      "sources": [
        "<!@(node -p \"const f=require('fs');['native/core','native/addon'].flatMap(d=>f.readdirSync(d).filter(n=>/[.](c|cc|S)$/.test(n)).map(n=>d+'/'+n)).join(' ')\")"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS", "NODE_ADDON_API_DISABLE_DEPRECATED",
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      "cflags": ["-Wall", "-Wextra", "-fvisibility=hidden"],
      "cflags_c": ["-std=gnu11"],
      "cflags_cc": ["-std=c++17"]
    }
  ]
}
