# What looks like an identity and is none for -0.0, infinities, NaN or rounding: nothing fires.
core not_sound {training = false} {
  %x = input "x" : f32[B, 4]
  %zero = const {value = 0.0} : f32[]
  %tenth = const {value = 0.1} : f32[]
  %big = const {value = 16777216.0} : f32[]
  %one = const {value = 1.0} : f32[]
  %a = op add (%x, %zero) : f32[B, 4]
  %b = op mul (%a, %zero) : f32[B, 4]
  %c = op mul (%tenth, %tenth) : f32[]
  %d = op add (%big, %one) : f32[]
  %e = op div (%one, %zero) : f32[]
  %f = op lt (%b, %c) : bool[B, 4]
  %g = op not (%f) : bool[B, 4]
  %h = op maximum (%zero, %x) : f32[B, 4]
  %i = op where (%f, %h, %d) : f32[B, 4]
  %j = op sub (%i, %i) : f32[B, 4]
  %k = op mul (%j, %e) : f32[B, 4]
  output "y" = %k
  output "g" = %g
}
# ---
core not_sound {training = false} {
  %x = input "x" : f32[B, 4]
  %zero = const {value = 0.0} : f32[]
  %tenth = const {value = 0.1} : f32[]
  %big = const {value = 16777216.0} : f32[]
  %one = const {value = 1.0} : f32[]
  %a = op add (%x, %zero) : f32[B, 4]
  %b = op mul (%a, %zero) : f32[B, 4]
  %c = op mul (%tenth, %tenth) : f32[]
  %d = op add (%big, %one) : f32[]
  %e = op div (%one, %zero) : f32[]
  %f = op lt (%b, %c) : bool[B, 4]
  %g = op not (%f) : bool[B, 4]
  %h = op maximum (%zero, %x) : f32[B, 4]
  %i = op where (%f, %h, %d) : f32[B, 4]
  %j = op sub (%i, %i) : f32[B, 4]
  %k = op mul (%j, %e) : f32[B, 4]
  output "y" = %k
  output "g" = %g
}
