fail() { printf '%s\n' "$*" >&2; exit "${code:-1}"; }
# A runner may keep the folder: what an earlier job left is not this one's to report, or to write through.
for folder in .ami-scheduler .ami-scheduler.d; do
  [ ! -L "$folder" ] || fail "$PWD/$folder is a link, which an earlier job has left: remove it."
done
rm -f .ami-scheduler/junit.xml
# Where ami-scheduler is installed, as in the component's image, there is nothing to do. Elsewhere the module is
# fetched and verified, and writes the script that runs it.
if ! command -v ami-scheduler >/dev/null; then
  command -v wasmtime >/dev/null ||
    fail "There is neither ami-scheduler nor wasmtime on this runner: use the image that this component is published with, or install wasmtime 46 or newer."
  programs=$PWD/.ami-scheduler.d pinned=${AMI_SCHEDULER_MODULE_SHA256-none}
  [ -n "$pinned" ] ||
    fail "The input module_sha256 (variable AMI_SCHEDULER_MODULE_SHA256) expanded to nothing: is a variable in it unset, protected (and this branch is not), or misspelt? Correct it, or give none to do without."
  mkdir -p "$programs"
  if [ -z "${AMI_SCHEDULER_WASM:-}" ]; then
    if [ -z "${AMI_SCHEDULER_MODULE_URL:-}" ] || [ "$pinned" = none ]; then
      fail "There is no module: use the image that this component is published with, or set AMI_SCHEDULER_WASM to the path of ami-scheduler.wasm."
    fi
    AMI_SCHEDULER_WASM=$programs/ami-scheduler.wasm
    # Another job in the same folder may be running what is there.
    printf 'user = "gitlab-ci-token:%s"\n' "$CI_JOB_TOKEN" |
      curl --config - --fail --silent --show-error --location --retry 3 --output "$AMI_SCHEDULER_WASM.$$" \
        ${CI_SERVER_TLS_CA_FILE:+--cacert "$CI_SERVER_TLS_CA_FILE"} "$AMI_SCHEDULER_MODULE_URL" ||
      code=4 fail "The module cannot be fetched from $AMI_SCHEDULER_MODULE_URL. Is this project on the job token allowlist of the project it is published by?"
    mv -f "$AMI_SCHEDULER_WASM.$$" "$AMI_SCHEDULER_WASM"
  fi
  found=$(sha256sum "$AMI_SCHEDULER_WASM") || fail "$AMI_SCHEDULER_WASM cannot be read."
  [ "$pinned" = none ] || [ "${found%% *}" = "$pinned" ] ||
    fail "$AMI_SCHEDULER_WASM is not the module that this version of the component was released with. Leave AMI_SCHEDULER_WASM unset, and each job fetches the right one; with a module of your own, set the input module_sha256 to its sha256."
  wasmtime run --wasi http --wasi cli-exit-with-code "$AMI_SCHEDULER_WASM" wrapper >"$programs/ami-scheduler.$$" ||
    fail "$AMI_SCHEDULER_WASM does not run: is this runner's wasmtime 46 or newer?"
  chmod +x "$programs/ami-scheduler.$$"
  mv -f "$programs/ami-scheduler.$$" "$programs/ami-scheduler"
  export AMI_SCHEDULER_WASM PATH="$programs:$PATH"
fi
