# What a known mask decides is still told: in a body that may run on some positions alone, by a selection of as many positions; where
# only the score says how many these are, by the selection itself.
core recorded {training = false, parameters = [
    p("e.0.look", f32[4, 4], uniform(0.5)),
    p("e.1.look", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 3, 4]
  %s = input "s" : f32[B, 3, 2]
  chunk %c0 "e" {
    %h = input "h" : f32[B, 3, 4]
    %look = param "look" : f32[4, 4]
    %1 = op linear (%h, %look) {slots = ["x", "weight"]} : f32[B, 3, 4]
    %whole = select "whole" (%1) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(4)]} : selection(bool[B, 3, 4], f32[B, 3, 4])
    %2 = op mean (%h) {axes = [-2], keepdims = false} : f32[B, 4]
    %part = select "part" (%2) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(0)]} : selection(bool[B, 4], f32[B, 4])
    %3 = op abs (%look) : f32[4, 4]
    %static = select "static" (%3) {kind = "mask", grain = "weight", slots = ["score"], rules = [all]} : selection(bool[4, 4], f32[4, 4])
    %4 = field "kept" (%whole) : bool[B, 3, 4]
    %5 = op masked (%h, %4) {slots = ["x", "kept"]} : f32[B, 3, 4]
    %6 = field "kept" (%part) : bool[B, 4]
    %7 = op unsqueeze (%6) {axis = -2} : bool[B, 1, 4]
    %8 = op where (%7, %h, %5) : f32[B, 3, 4]
    %9 = field "kept" (%static) : bool[4, 4]
    %10 = op masked (%look, %9) {slots = ["x", "kept"]} : f32[4, 4]
    %11 = op linear (%8, %10) {slots = ["x", "weight"]} : f32[B, 3, 4]
    output "" = %11
  }
  %g = select "g" (%s) {kind = "router", slots = ["score"], rules = [top(1)]} : selection(bool[B, 3, 2], f32[B, 3, 2])
  %e = apply "e" (%x) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, 3, 4])
  %y = fuse "sum" (%e, %g) {by = true} : f32[B, 3, 4]
  output "y" = %y
}
# ---
core recorded {training = false, parameters = [
    p("e.0.look", f32[4, 4], uniform(0.5)),
    p("e.1.look", f32[4, 4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 3, 4]
  %s = input "s" : f32[B, 3, 2]
  %g = select "g" (%s) {kind = "router", slots = ["score"], rules = [top(1)]} : selection(bool[B, 3, 2], f32[B, 3, 2])
  chunk %c0 "e" {
    %h = input "h" : f32[B, 3, 4]
    %look = param "look" : f32[4, 4]
    %2 = op linear (%h, %look) {slots = ["x", "weight"]} : f32[B, 3, 4]
    %whole = select "whole" (%2) {kind = "mask", grain = "neuron", slots = ["score"], rules = [all], recorded = true} : selection(bool[B, 3, 4], f32[B, 3, 4])
    %4 = op linear (%h, %look) {slots = ["x", "weight"]} : f32[B, 3, 4]
    %5 = op zeros {shape = [B, 4], dtype = f32} : f32[B, 4]
    %part = select "part" (%5) {kind = "mask", grain = "neuron", slots = ["score"], rules = [first(0)], recorded = true} : selection(bool[B, 4], f32[B, 4])
    %7 = op zeros {shape = [4, 4], dtype = f32} : f32[4, 4]
    %static = select "static" (%7) {kind = "mask", grain = "weight", slots = ["score"], rules = [all], recorded = true} : selection(bool[4, 4], f32[4, 4])
    output "" = %4
  }
  %e = apply "e" (%x) {members = ["0", "1"], body = %c0} : bundle[2](f32[B, 3, 4])
  %y = fuse "sum" (%e, %g) {by = true} : f32[B, 3, 4]
  output "y" = %y
}
