echo COMPOSE_FILE=compose.yml:compose.extra.yml >> "$CCCI_ENV_FILE"
