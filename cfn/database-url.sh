#!/bin/bash
# Writes database.env with the one line DATABASE_URL=postgres://user:password@host:port/name, from the variables DATABASE_HOST,
# DATABASE_PORT, DATABASE_NAME, DATABASE_USER and DATABASE_PASSWORD. User and password are percent-encoded. It prints
# nothing, so that nothing of it stands in the deployment log.
set -euo pipefail
export LC_ALL=C
umask 077

encode() {
  local text=$1 encoded='' character code i
  for ((i = 0; i < ${#text}; i++)); do
    character=${text:i:1}
    case $character in
      [a-zA-Z0-9._~-]) encoded+=$character ;;
      *)
        printf -v code '%d' "'$character"
        printf -v code '%%%02X' "$((code & 255))"
        encoded+=$code
        ;;
    esac
  done
  printf '%s' "$encoded"
}

user=$(encode "$DATABASE_USER")
password=$(encode "$DATABASE_PASSWORD")
rm -f database.env # The bundle's has the rights that it was unpacked with.
printf 'DATABASE_URL=postgres://%s:%s@%s:%s/%s\n' "$user" "$password" "$DATABASE_HOST" "$DATABASE_PORT" "$DATABASE_NAME" >database.env
