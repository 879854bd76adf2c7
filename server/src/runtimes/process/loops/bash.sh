# Runs cells in this very shell, so that variables, functions, folder and options live on.
# Commands come in on descriptor 3, see loop.ts.
trap : INT
printf '{"type":"ready"}\n' >&3
while IFS=' ' read -r -u 3 __kyozo_nonce __kyozo_source __kyozo_setup; do
  __kyozo_source=$(base64 -d <<<"$__kyozo_source")
  [[ -z $__kyozo_setup ]] || eval "$(base64 -d <<<"$__kyozo_setup")"
  eval "$__kyozo_source" </dev/null 3>&-
  __kyozo_status=$?
  printf '\001end %s\001' "$__kyozo_nonce"
  printf '\001end %s\001' "$__kyozo_nonce" >&2
  printf '{"type":"done","exitCode":%d}\n' "$__kyozo_status" >&3
done
