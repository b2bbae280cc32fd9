{
  # The same sources as native/CMakeLists.txt, for whoever has node-gyp but no CMake.
  "target_defaults": {
    "defines": ["CORRAL_VERSION=\"<!(node -p \"require('./package.json').version\")\"", "CORRAL_BUILD=\"source\""]
  },
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
      "cflags_cc": ["-std=c++17"],
      "ldflags": ["-Wl,-z,nodelete"]
    },
    {
      "target_name": "corral-warden",
      "type": "executable",
      "sources": [
        "<!@(node -p \"const f=require('fs');['native/core','native/warden'].flatMap(d=>f.readdirSync(d).filter(n=>/[.](c|S)$/.test(n)).map(n=>d+'/'+n)).join(' ')\")"
      ],
      "cflags": ["-Wall", "-Wextra"],
      "cflags_c": ["-std=gnu11"],
      # static where the libc for that is there
      "ldflags": ["<!(echo 'int main(void) { return 0; }' | cc -xc -static -o /dev/null - 2>/dev/null && echo -static || echo -g)"]
    }
  ]
}
