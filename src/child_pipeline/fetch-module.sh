# Where ami-scheduler is installed, as in the component's image, there is nothing to do. Elsewhere the module is
# fetched and verified, and writes the script that runs it.
if ! command -v ami-scheduler >/dev/null; then
  fail() { printf '%s\n' "$*" >&2; exit 1; }
  command -v wasmtime >/dev/null || fail "There is neither ami-scheduler nor wasmtime on this runner: use the image that this component is published with, or install wasmtime 46 or newer."
  mkdir -p .ami-scheduler.d
  module=${AMI_SCHEDULER_WASM:-}
  if [ -z "$module" ]; then
    [ -n "$AMI_SCHEDULER_MODULE_URL" ] && [ -n "$AMI_SCHEDULER_MODULE_SHA256" ] ||
      fail "There is no module: use the image that this component is published with, or set AMI_SCHEDULER_WASM to the path of ami-scheduler.wasm."
    module=.ami-scheduler.d/ami-scheduler.wasm
    printf 'user = "gitlab-ci-token:%s"\n' "$CI_JOB_TOKEN" |
      curl --config - --fail --silent --show-error --location --retry 3 --output "$module" \
        ${CI_SERVER_TLS_CA_FILE:+--cacert "$CI_SERVER_TLS_CA_FILE"} "$AMI_SCHEDULER_MODULE_URL" ||
      fail "The module cannot be fetched from $AMI_SCHEDULER_MODULE_URL. Is this project on the job token allowlist of the project it is published by?"
  fi
  found=$(sha256sum "$module") || fail "$module cannot be read."
  [ -z "$AMI_SCHEDULER_MODULE_SHA256" ] || [ "${found%% *}" = "$AMI_SCHEDULER_MODULE_SHA256" ] ||
    fail "$module is not the module that this version of the component was released with. Leave AMI_SCHEDULER_WASM unset, and each job fetches the right one; with a module of your own, set the input module_sha256 to its sha256."
  wasmtime run --wasi http --wasi cli-exit-with-code "$module" wrapper >.ami-scheduler.d/ami-scheduler ||
    fail "$module does not run: is this runner's wasmtime 46 or newer?"
  chmod +x .ami-scheduler.d/ami-scheduler
  export AMI_SCHEDULER_WASM="$module" PATH="$PWD/.ami-scheduler.d:$PATH"
fi
