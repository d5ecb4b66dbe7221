# Our overlays alone: `recipeci --overlays FOLDER` takes it, and services.recipeci does so where nothing else is said.
{ lib, runCommand }:
runCommand "recipeci-recipes"
  {
    src = lib.fileset.toSource {
      root = ../tests/recipes;
      fileset = ../tests/recipes;
    };
    meta.description = "What recipeci knows of single Co-op Cloud recipes: recipe.yml, suites and hooks";
  }
  ''
    cp -r "$src" "$out"
  ''
